"""Start everything that replaces AWS and GitHub's runner, and remove it again."""

import logging
import platform
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

from scripts.deploy.cdk import EXECUTABLE
from scripts.emulate.binary import ARCHITECTURES, emulator_binary
from scripts.emulate.gateway import Front
from tests.container.bases import lambda_base, require
from tests.container.machine_pip import pip_build_options
from tests.container.podman import Podman
from tests.rehearsal import cdk
from tests.rehearsal.checkout import Checkout
from tests.rehearsal.docker import Replacements
from tests.rehearsal.environment import PROJECT, STAGE, Callers, Environment
from tests.rehearsal.function import ContainerFunction, Containers
from tests.rehearsal.image_registry import image_registry
from tests.rehearsal.rollout import Rollout
from tests.rehearsal.store import temporary_store
from tests.stand_ins.aws_endpoints import AwsEndpoints
from tests.stand_ins.cdk import ACCOUNT, REGION, Cdk, Client
from tests.stand_ins.json_server import LOOPBACK, serving

ROOT = Path(__file__).resolve().parents[2]
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing"}
AWS = {**CREDENTIALS, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
PACKAGES = "localhost/evergreen-rehearsal:packages"


def require_programs() -> None:
    """Raise UsageError where a program is missing that everything else needs."""
    require(podman="podman runc", **{"docker-registry": "docker-registry"})


@contextmanager
def provision(stage: str = STAGE) -> Iterator[Environment]:
    """Start all stand-ins of a stage, and remove all of them in the end."""
    name = f"{PROJECT}-{stage}"
    emulator = emulator_binary()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="evergreen-rehearsal-")))
        machine = Podman(folder, pip_build_options(folder))
        base = _build_base(machine)
        checkout = Checkout(ROOT, folder / "checkout")
        checkout.configure(ACCOUNT, REGION, ARCHITECTURES[platform.machine().lower()])
        podman = stack.enter_context(temporary_store(folder / "store", machine))
        images = stack.enter_context(image_registry(folder / "registry"))
        moto = stack.enter_context(_moto())
        client = _clients(moto)

        containers = stack.enter_context(Containers(podman, images.address, str(emulator)))
        function = ContainerFunction(
            name, client("lambda"), containers, lambda: _settings(client, stage)
        )
        own = {"AUTH": "iam", "SERVICE": f"{name}-bulk"}
        bulk = ContainerFunction(own["SERVICE"], client("lambda"), containers, lambda: own)
        callers = Callers(stack.enter_context(serving(Front(0, function))))
        endpoints = AwsEndpoints(function.invoke_version)
        hooks = stack.enter_context(serving(endpoints))
        variables = {**AWS, "AWS_ENDPOINT_URL_CODEDEPLOY": hooks}
        rollout = Rollout(
            endpoints,
            callers.call,
            client("cloudwatch"),
            checkout.path,
            {**variables, "AWS_ENDPOINT_URL_LAMBDA": hooks, "AUTH": "key", "ERRORS_PERCENT": "5"},
        )
        account = Cdk(client, callers.url, rollout)
        cdk.install(checkout.path / EXECUTABLE)
        docker = Replacements(base, list(podman.build_options), str(emulator), images.address)
        commands = {
            **{name: value for name, value in podman.environment.items() if "AWS" not in name},
            **variables,
            **docker.install(folder / "bin"),
            "AWS_ENDPOINT_URL": moto,
            cdk.VARIABLE: stack.enter_context(serving(cdk.CdkServer(account))),
        }
        yield Environment(folder, checkout, commands, images, callers, client, account, bulk)


def _build_base(machine: Podman) -> str:
    """Return the base image. Builds the layer of packages too, and keeps it on the machine."""
    base = lambda_base(machine)
    arguments = (f"--build-arg=BASE_IMAGE={base}", "--target=dependencies")
    machine.build(ROOT / "Dockerfile.lambda", PACKAGES, ROOT, *arguments)
    return base


@contextmanager
def _moto() -> Iterator[str]:
    """Serve AWS's API with moto; yield its address."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address=LOOPBACK, port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def _clients(endpoint: str) -> Client:
    session = boto3.Session(
        region_name=REGION,
        aws_access_key_id=CREDENTIALS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=CREDENTIALS["AWS_SECRET_ACCESS_KEY"],
    )

    def client(service: Any) -> Any:
        return session.client(service, endpoint_url=endpoint)

    return client


def _settings(client: Client, stage: str) -> Mapping[str, str]:
    """Return the variables that the stack gives the function."""
    name = f"/{PROJECT}/{stage}/api-key-sha256"
    digest = client("ssm").get_parameter(Name=name)["Parameter"]["Value"]
    return {"AUTH": "key", "API_KEY_SHA256": digest, "SERVICE": f"{PROJECT}-{stage}"}
