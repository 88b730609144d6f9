// A flatbuffer begins with the offset of its root.
#pragma once
#include <cstdint>
#include <cstring>

#include "tensorflow/lite/micro/micro_interpreter.h"

namespace tflite {

inline const Model* GetModel(const void* flatbuffer) {
  uint32_t offset;
  memcpy(&offset, flatbuffer, sizeof offset);
  return reinterpret_cast<const Model*>(static_cast<const char*>(flatbuffer) + offset);
}

}  // namespace tflite
