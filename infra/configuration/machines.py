"""Machines of EC2 with one NVIDIA GPU, by what their names say."""

from infra.configuration.checks import require_match

# No image is for a GPU of AMD's (g4ad) or one on Arm (g5g), and g6f has a part of one. Larger sizes
# than these have several, of which a task uses one.
ONE_GPU = r"(?!g4ad|g5g|[a-z0-9]+f\.)g[r4-9][a-z0-9]*\.(xlarge|(2|4|8|16)xlarge)|p5\.4xlarge"
VCPUS = {"xlarge": 4, "2xlarge": 8, "4xlarge": 16, "8xlarge": 32, "16xlarge": 64}


def require_one_gpu(kind: str, key: str) -> None:
    """Raises ConfigurationError where a type has not one NVIDIA GPU, as far as is known here: ECS
    would look for such a machine for ever."""
    require_match(ONE_GPU, kind, key, "g6.xlarge, with one NVIDIA GPU on x86-64")


def vcpus(kind: str) -> int:
    """Of a type with one GPU."""
    return VCPUS[kind.partition(".")[2]]
