// fer-nano on a microcontroller: 48x48 gray pixels in, a label out.
//
// fer-convert edge/fer_edge/models/fer-nano-int8.tflite --micro --out firmware
//
// Put this file and those of `firmware` into a project of your board that has TensorFlow Lite Micro.
#include <cstdio>

#include "fer_nano_int8.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite { namespace micro {} using namespace micro; }  // newer sources have it in there
using namespace tflite;

alignas(16) static uint8_t arena[FER_NANO_INT8_ARENA_BYTES];
static uint8_t pixels[48 * 48];

int main() {
  MicroMutableOpResolver<6> operations;  // the header names them
  operations.AddAdd(), operations.AddConv2D(), operations.AddDepthwiseConv2D();
  operations.AddMean(), operations.AddReshape(), operations.AddSoftmax();
  MicroInterpreter network(GetModel(fer_nano_int8), operations, arena, sizeof arena);
  if (network.AllocateTensors() != kTfLiteOk) return 1;
  int8_t* input = network.input(0)->data.int8;
  auto* output = network.output(0);

  while (fread(pixels, 1, sizeof pixels, stdin) == sizeof pixels) {  // on a board: the camera
    for (size_t i = 0; i < sizeof pixels; ++i) input[i] = pixels[i] - 128;
    if (network.Invoke() != kTfLiteOk) return 1;
    int best = 0;
    for (int i = 1; i < FER_NANO_INT8_LABELS; ++i)
      if (output->data.int8[i] > output->data.int8[best]) best = i;
    float sure = (output->data.int8[best] - output->params.zero_point) * output->params.scale;
    printf("%s %.0f%%\n", fer_nano_int8_labels[best], 100 * sure);
  }
}
