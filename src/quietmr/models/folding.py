"""Batch normalization merged into the convolutions before it: the same results with less work."""

from copy import deepcopy
from itertools import pairwise

from torch import nn
from torch.nn.utils import fuse_conv_bn_eval


def fold_norms(network: nn.Module) -> nn.Module:
    """Copy a trained network with each batch normalization merged into the convolution right before it.

    Norms behind anything else, such as a sum, stay. The copy is for use, not for training.

    Parameters
    ----------
    network : nn.Module

    Returns
    -------
    nn.Module
        In evaluation mode.
    """
    folded = deepcopy(network).eval()
    for part in [module for module in folded.modules() if isinstance(module, nn.Sequential)]:
        layers = list(part.named_children())
        for (name, layer), (norm_name, norm) in pairwise(layers):
            if isinstance(layer, nn.Conv2d | nn.Conv3d) and isinstance(norm, nn.BatchNorm2d | nn.BatchNorm3d):
                part.add_module(name, fuse_conv_bn_eval(layer, norm))
                part.add_module(norm_name, nn.Identity())
    return folded
