"""How far a probability is to be trusted: one temperature, and the error that is left."""

import numpy as np
import numpy.typing as npt

from bridge.intent.encoder import Floats
from bridge.intent.network import softmax

TRIED = np.geomspace(0.3, 5.0, 100)
BINS = 10


def temperature(logits: Floats, labels: npt.NDArray[np.intp]) -> float:
    """What `logits` [rows, classes] are to be divided by, so that `labels` [rows] are likeliest."""
    rows = np.arange(len(labels))
    losses = [-np.log(softmax(logits / warm)[rows, labels] + 1e-12).mean() for warm in TRIED]
    return float(TRIED[int(np.argmin(losses))])


def calibration_error(probabilities: Floats, labels: npt.NDArray[np.intp]) -> float:
    """The expected calibration error (Naeini et al. 2015), over 10 bins of equal width.

    Args:
        probabilities: [rows, classes].
        labels: [rows].
    """
    sure, right = probabilities.max(1), probabilities.argmax(1) == labels
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return float(
        sum(abs(sure[bins == at].mean() - right[bins == at].mean()) * (bins == at).mean() for at in set(bins))
    )
