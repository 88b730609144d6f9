"""Makes keras2.h5 and prints its answer; needs tf_keras (Keras 2), which no extra holds."""

from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras as keras

layers = keras.layers
tf.random.set_seed(3)
model = keras.Sequential(
    [
        layers.Conv2D(4, 3, activation="relu", input_shape=(48, 48, 1)),
        layers.BatchNormalization(),
        layers.MaxPooling2D(2),
        layers.SeparableConv2D(4, 3, strides=2, padding="same"),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Activation("relu"),
        layers.Dropout(0.25),
        layers.Conv2D(2, 3, strides=2),
        layers.Flatten(),
        layers.Dense(7, activation="softmax", kernel_regularizer=keras.regularizers.l2(0.01)),
    ]
)
adam = keras.optimizers.legacy.Adam(learning_rate=1e-4, decay=1e-6)
model.compile(loss="categorical_crossentropy", optimizer=adam, metrics=["accuracy"])
rng = np.random.default_rng(0)
pictures = rng.integers(0, 256, (64, 48, 48, 1)).astype(np.float32) / 128 - 1
model.fit(pictures, np.eye(7)[rng.integers(0, 7, 64)], verbose=0)
model.save(Path(__file__).with_name("keras2.h5"))
gray = (np.arange(48 * 48) * 7 % 256).reshape(1, 48, 48, 1).astype(np.float32)
print(model.predict((gray - 128) / 128, verbose=0).round(6).tolist())
