// What examples/microcontroller.cc takes of TensorFlow Lite Micro, declared for the library inside the wheel
// tflite-micro. No package registry has TensorFlow Lite Micro's own headers.
//
// The functions are those of the wheel. The objects have more room here than the wheel, which fills them, takes.
#pragma once
#include <cstddef>
#include <cstdint>

namespace tflite {

struct Model;

namespace micro {

enum TfLiteStatus { kTfLiteOk, kTfLiteError };

struct TfLiteTensor {
  struct {
    int type;
    void* params;
  } quantization;
  struct {
    float scale;
    int32_t zero_point;
  } params;
  union {
    int8_t* int8;
  } data;
};

class MicroOpResolver;
class MicroResourceVariables;
class MicroProfilerInterface;

class MicroInterpreter {
 public:
  MicroInterpreter(const Model* model, const MicroOpResolver& operations, uint8_t* arena, size_t arena_size,
                   MicroResourceVariables* variables = nullptr, MicroProfilerInterface* profiler = nullptr,
                   bool preserve_all_tensors = false);
  ~MicroInterpreter();
  TfLiteStatus AllocateTensors();
  TfLiteStatus Invoke();
  TfLiteTensor* input(size_t index);
  TfLiteTensor* output(size_t index);

 private:
  alignas(16) char own_[16384];
};

}  // namespace micro
}  // namespace tflite
