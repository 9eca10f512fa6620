"""Everything that stands in for AWS and for GitHub's runner, put up and taken down again."""

import logging
import platform
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import boto3
from moto.server import ThreadedMotoServer

from scripts.deploy.cdk import EXECUTABLE
from scripts.emulate.binary import ARCHITECTURES, emulator_binary
from scripts.emulate.gateway import Front
from scripts.emulate.runtime import LOOPBACK
from tests.container.bases import lambda_base, require
from tests.container.machine_pip import pip_build_options
from tests.container.podman import Podman
from tests.rehearsal import cdk
from tests.rehearsal.checkout import Checkout
from tests.rehearsal.docker import Replaced
from tests.rehearsal.function import Function
from tests.rehearsal.image_registry import ImageRegistry, image_registry
from tests.rehearsal.interfaces import Interfaces, serving
from tests.rehearsal.place import ACCOUNT, PROJECT, REGION, STAGE, Place
from tests.rehearsal.rollout import Rollout
from tests.rehearsal.running import Running
from tests.rehearsal.stacks import Stacks
from tests.rehearsal.store import own_store

ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
PACKAGES = "localhost/evergreen-rehearsal:packages"


def require_programs() -> None:
    """Raise UsageError where a program is missing that everything else needs."""
    require(podman="podman runc", **{"docker-registry": "docker-registry"})


@contextmanager
def put_up() -> Iterator[Place]:
    """Put everything up, and leave nothing of it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    emulator = emulator_binary()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="evergreen-rehearsal-")))
        machine = Podman(folder, pip_build_options(folder))
        base = lambda_base(machine)
        dockerfile = ROOT / "Dockerfile.lambda"
        arguments = (f"--build-arg=BASE_IMAGE={base}", "--target=dependencies")
        machine.build(dockerfile, PACKAGES, ROOT, *arguments)
        checkout = Checkout(ROOT, folder / "checkout")
        checkout.configure(ACCOUNT, REGION, ARCHITECTURES[platform.machine().lower()])
        podman = stack.enter_context(own_store(folder / "store", machine))
        images = stack.enter_context(image_registry(folder / "registry"))
        running = stack.enter_context(Running(podman, images.address, str(emulator)))
        moto = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
        moto.start()
        stack.callback(moto.stop)
        endpoint = "http://{}:{}".format(*moto.get_host_and_port())
        yield _furnished(stack, folder, checkout, podman, images, running, endpoint, base, emulator)


def _furnished(
    stack: ExitStack,
    folder: Path,
    checkout: Checkout,
    podman: Podman,
    images: ImageRegistry,
    running: Running,
    endpoint: str,
    base: str,
    emulator: Path,
) -> Place:
    session = boto3.Session(
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )
    aws = {**CREDENTIALS, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
    interfaces = Interfaces()
    ssm = session.client("ssm", endpoint_url=endpoint)

    def settings() -> dict[str, str]:
        """As the stack gives them to the function."""
        name = f"/{PROJECT}/{STAGE}/api-key-sha256"
        digest = ssm.get_parameter(Name=name)["Parameter"]["Value"]
        service = f"{PROJECT}-{STAGE}"
        return {"AUTH": "key", "API_KEY_SHA256": digest, "SERVICE": service}

    function = Function(
        f"{PROJECT}-{STAGE}", session.client("lambda", endpoint_url=endpoint), running, settings
    )
    front = Front(0, function)
    url = f"http://{LOOPBACK}:{front.server_address[1]}"
    inherited = {name: value for name, value in podman.environment.items() if "AWS" not in name}
    docker = Replaced(base, list(podman.build_options), str(emulator), images.address)
    environment = {
        **inherited,
        **aws,
        **docker.install(folder / "bin"),
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT_URL_CODEDEPLOY": interfaces.url,
        cdk.VARIABLE: interfaces.url,
    }
    cdk.install(checkout.path / EXECUTABLE)
    made = Place(folder, checkout, environment, images, function, url, session, endpoint)
    hook = {
        **aws,
        "AUTH": "key",
        "AWS_ENDPOINT_URL_LAMBDA": interfaces.url,
        "AWS_ENDPOINT_URL_CODEDEPLOY": interfaces.url,
    }
    cloudwatch = session.client("cloudwatch", endpoint_url=endpoint)
    rollout = Rollout(function, made.call, cloudwatch, checkout.path, hook)
    interfaces.function, interfaces.rollout = function, rollout
    interfaces.stacks = Stacks(
        session, endpoint, function, rollout, url=url, reply_to=f"{interfaces.url}/answer"
    )
    stack.enter_context(serving(interfaces))
    stack.enter_context(serving(front))
    return made
