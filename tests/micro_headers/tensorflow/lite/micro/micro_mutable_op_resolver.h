// The wheel registers every operation in its PythonOpsResolver, and has no other resolver. So what an example adds
// is only counted here.
#pragma once
#include <cstdlib>

#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

class PythonOpsResolver {
 public:
  PythonOpsResolver();

 private:
  alignas(16) char own_[131072];
};

namespace micro {

template <unsigned int most>
class MicroMutableOpResolver {
 public:
  TfLiteStatus AddAdd() { return Count(); }
  TfLiteStatus AddConv2D() { return Count(); }
  TfLiteStatus AddDepthwiseConv2D() { return Count(); }
  TfLiteStatus AddMean() { return Count(); }
  TfLiteStatus AddReshape() { return Count(); }
  TfLiteStatus AddSoftmax() { return Count(); }
  operator const MicroOpResolver&() const {
    if (count_ != most) abort();
    return reinterpret_cast<const MicroOpResolver&>(every_);
  }

 private:
  TfLiteStatus Count() {
    if (++count_ > most) abort();
    return kTfLiteOk;
  }
  PythonOpsResolver every_;
  unsigned int count_ = 0;
};

}  // namespace micro
}  // namespace tflite
