"""Where each architecture comes from, and how faithful it is: one line for each."""

from collections.abc import Mapping
from dataclasses import dataclass

LABELS: Mapping[str, str] = {
    "ours": "designed here",
    "faithful": "layer by layer the published code, written anew from its facts; sizes agree exactly",
    "ancestor-filled": "what the paper leaves open is taken from a named predecessor",
    "reconstruction": "no code was published; what the paper leaves open is filled in by us and listed",
}


@dataclass(frozen=True)
class Origin:
    """Facts about an architecture that hold before it is trained.

    Attributes
    ----------
    label : str
        Key of :data:`LABELS`.
    description : str
        What it is, in one line.
    paper : str
    code : str
        Reference code and its license. None of it is copied here.
    parameters : int
        Weights of the network as its name builds it.
    dimensions : str
        "2-D": frame by frame; "3-D": frames see each other.
    """

    label: str
    description: str
    paper: str
    code: str
    parameters: int
    dimensions: str = "2-D"


_NO_CODE = "none found"
_KAIR = "cszn/KAIR, MIT"
_DAS = "DAS-FFDNet, Intelligent Data Analysis, doi 10.3233/IDA-240613"
_HMAD = "Umair, Hamid 2025, JCBI"

_DNCNN = "Zhang et al. 2017, IEEE TIP 26"
_RDUNET = ("Gurrola-Ramos, Dalmau, Alarcon 2021, IEEE Access 9", "JavierGurrola/RDUNet, MIT")

# In their corrected form.
_SNRAWARE_SIZES: Mapping[str, int] = {
    "snraware-hrnet-cnnt-large": 29_523_232,
    "snraware-hrnet-cnnt": 14_907_601,
    "snraware-hrnet-swin3d": 29_504_386,
    "snraware-hrnet-vit3d": 14_898_178,
    "snraware-hrnet-vit2d": 5_166_082,
    "snraware-hrnet-conv3d": 3_946_897,
    "snraware-hrnet-conv2d": 1_513_873,
    "snraware-unet-cnnt-large": 30_017_184,
    "snraware-unet-cnnt": 15_401_553,
    "snraware-unet-swin3d": 30_440_706,
    "snraware-unet-vit3d": 15_834_498,
    "snraware-unet-vit2d": 5_660_034,
    "snraware-unet-conv3d": 4_440_849,
    "snraware-unet-conv2d": 1_860_369,
    "snraware-hrnet-t1l1g1-small": 15_123_793,
    "snraware-hrnet-t1l1g1-medium": 29_955_616,
    "snraware-hrnet-t1l1g1-large": 59_619_262,
}

ORIGINS: Mapping[str, Origin] = {
    "unet3d": Origin(
        "ours",
        "bias-free 3-D residual U-Net that is told a noise map",
        "this project",
        "this project",
        2_063_320,
        "3-D",
    ),
    **{
        name: Origin(
            "faithful" if "cnnt" in name or "t1l1g1" in name else "ancestor-filled",
            "series of images with a g-factor map",
            "Xue et al. 2025, arXiv 2503.18162",
            "microsoft/SNRAware, MIT",
            parameters,
            "3-D",
        )
        for name, parameters in _SNRAWARE_SIZES.items()
    },
    "das-ffdnet": Origin(
        "reconstruction",
        "dual residual blocks and a U-Net with recursive attention, fused by deformable convolution",
        _DAS,
        f"{_NO_CODE}; its parts: RMCSAM, AGPL-3.0, and MSANet, no license",
        9_474_116,
    ),
    "das-ffdnet-small": Origin(
        "reconstruction", "das-ffdnet of half the width", _DAS, f"{_NO_CODE}; its parts: see das-ffdnet", 2_380_042
    ),
    "denoisenet": Origin("reconstruction", "residual attention U-Net with a sigmoid head", _HMAD, _NO_CODE, 15_721_323),
    "denoisenet-large": Origin("reconstruction", "denoisenet of twice the width", _HMAD, _NO_CODE, 62_871_275),
    "denoisenet-small": Origin("reconstruction", "denoisenet of half the width", _HMAD, _NO_CODE, 3_932_267),
    "hmad-net": Origin(
        "reconstruction",
        "denoisenet with a second branch of 3, 5 and 7 pixels; our reading",
        _HMAD,
        _NO_CODE,
        16_973_803,
    ),
    "disentangled-gan": Origin(
        "ancestor-filled",
        "content and noise encoders and a generator, learned from unpaired images",
        "self-guided disentangled GAN; as in Tang, Fu, Li 2021, doi 10.12677/CSA.2021.115129",
        f"{_NO_CODE}; its ancestor: ustclby/Unsupervised-Domain-Specific-Deblurring (UID-GAN), no license",
        11_807_169,
    ),
    "cyclegan": Origin(
        "faithful",
        "ResNet generator, learned from unpaired images",
        "Zhu et al. 2017, ICCV",
        "junyanz/pytorch-CycleGAN-and-pix2pix, BSD (not checked)",
        11_365_633,
    ),
    "dncnn": Origin("faithful", "17 convolutions with batch normalization that find the noise", _DNCNN, _KAIR, 557_057),
    "dncnn-blind": Origin("faithful", "DnCNN of 20 layers, meant for many noise levels", _DNCNN, _KAIR, 668_225),
    "ffdnet": Origin(
        "faithful",
        "plain stack at half resolution that is told a noise map",
        "Zhang, Zuo, Zhang 2018, IEEE TIP 27",
        _KAIR,
        485_316,
    ),
    "drunet": Origin(
        "faithful",
        "bias-free residual U-Net that is told a noise map",
        "Zhang et al. 2021, IEEE TPAMI 44",
        _KAIR,
        32_638_656,
    ),
    "cnn-dmri": Origin(
        "reconstruction",
        "residual blocks at half resolution between encoder and decoder",
        "Tripathi, Bag 2020, Pattern Recognition Letters 135",
        _NO_CODE,
        1_290_625,
    ),
    "sadnet": Origin(
        "faithful",
        "U-Net whose decoder samples where features say",
        "Chang et al. 2020, ECCV",
        "JimmyChame/SADNet, no license",
        4_234_081,
    ),
    "rdunet": Origin("faithful", "U-Net of dense residual blocks", *_RDUNET, 166_370_562),
    "rdunet-small": Origin("faithful", "rdunet of a quarter of the width", *_RDUNET, 10_405_698),
    "msanet": Origin(
        "faithful",
        "four scales of adaptive blocks, fused by deformable convolution",
        "Gou et al. 2022, NeurIPS, arXiv 2203.04313",
        "XLearning-SCU/2022-NeurIPS-MSANet, no license",
        8_633_863,
    ),
    "red3d": Origin(
        "faithful",
        "3-D encoder and decoder at full resolution with additive skips (generator of RED-WGAN)",
        "Ran et al. 2019, Medical Image Analysis 55",
        "Deep-Imaging-Group/RED-WGAN, no license",
        2_326_273,
        "3-D",
    ),
    "ricianet3d": Origin(
        "faithful",
        "small 3-D network of a dilated and a separable branch",
        "Wu, Hu, Liu 2021, doi 10.1155/2021/5577956",
        "LiangWUSDU/3D-Parallel-RicianNet, no license",
        393_101,
        "3-D",
    ),
    "cdncnn": Origin(
        "reconstruction",
        "DnCNN with complex layers that is told a noise map",
        "Dou et al. 2025, NMR in Biomedicine, doi 10.1002/nbm.5291",
        _NO_CODE,
        1_111_296,
    ),
    "ridnet": Origin(
        "faithful",
        "dilated and residual blocks with channel attention, without the mean color",
        "Anwar, Barnes 2019, ICCV",
        "saeed-anwar/RIDNet, no license",
        1_497_041,
    ),
    "adnet": Origin(
        "faithful",
        "16 sparse convolutions whose result is weighed against the image",
        "Tian et al. 2020, Neural Networks 124",
        "hellloxiaotian/ADNet, license not checked",
        519_171,
    ),
}
