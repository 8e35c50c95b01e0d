"""Published networks that others are compared to, by name."""

from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from quietmr.models.adnet import build_adnet
from quietmr.models.cdncnn import build_cdncnn
from quietmr.models.cnn_dmri import build_cnn_dmri
from quietmr.models.cyclegan import build_cyclegan
from quietmr.models.das_ffdnet import build_das_ffdnet
from quietmr.models.denoisenet import build_denoisenet
from quietmr.models.disentangled import build_disentangled_gan
from quietmr.models.dncnn import build_dncnn
from quietmr.models.drunet import build_drunet
from quietmr.models.ffdnet import build_ffdnet
from quietmr.models.msanet import build_msanet
from quietmr.models.rdunet import build_rdunet
from quietmr.models.red3d import Red3d
from quietmr.models.ricianet3d import Ricianet3d
from quietmr.models.ridnet import build_ridnet
from quietmr.models.sadnet import build_sadnet

PAPERS: Mapping[str, Callable[..., nn.Module]] = {
    "adnet": build_adnet,
    "cdncnn": build_cdncnn,
    "cnn-dmri": build_cnn_dmri,
    "cyclegan": build_cyclegan,
    "das-ffdnet": build_das_ffdnet,
    "das-ffdnet-small": partial(build_das_ffdnet, width=32),
    "denoisenet": build_denoisenet,
    "denoisenet-large": partial(build_denoisenet, width=64),
    "denoisenet-small": partial(build_denoisenet, width=16),
    "disentangled-gan": build_disentangled_gan,
    "dncnn": build_dncnn,
    "dncnn-blind": partial(build_dncnn, layers=20),
    "drunet": build_drunet,
    "ffdnet": build_ffdnet,
    "hmad-net": partial(build_denoisenet, variant="dual"),
    "msanet": build_msanet,
    "rdunet": build_rdunet,
    "rdunet-small": partial(build_rdunet, width=32),
    "red3d": Red3d,
    "ricianet3d": Ricianet3d,
    "ridnet": build_ridnet,
    "sadnet": build_sadnet,
}
