"""Goes on training what another process saved: `KERAS_BACKEND=... python resume.py`.

Each line of the input is a JSON list: the name of a family, the file of a model, the file to write
all its variables to. One process does for all families: most of its time goes into imports.
"""

import json
import sys

import keras
import numpy as np
from families import FAMILIES, toy_data
from variables import state

for line in sys.stdin:
    name, model_file, result_file = json.loads(line)
    family = next(family for family in FAMILIES if family.name == name)
    model = keras.saving.load_model(model_file)
    model.fit(toy_data(family), batch_size=16, epochs=2, shuffle=False, verbose=0)
    np.savez(result_file, *state(model))
    print("resumed", name, flush=True)
