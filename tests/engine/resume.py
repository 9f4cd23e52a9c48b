"""Goes on training what another process saved: `python resume.py FAMILY MODEL RESULT`."""

import sys

import keras
import numpy as np
from families import named, toy_data
from variables import state

name, model_file, result_file = sys.argv[1:]
family = named(name)
model = keras.saving.load_model(model_file)
model.fit(toy_data(family), batch_size=16, epochs=2, shuffle=False, verbose=0)
np.savez(result_file, *state(model))
