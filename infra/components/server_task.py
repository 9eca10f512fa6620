"""ECS task definition of the server."""

import aws_cdk as cdk
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from constructs import Construct

from infra.components.acknowledged import acknowledge
from infra.components.storage import log_group
from infra.configuration.deployment import Deployment
from infra.configuration.service import ServiceConfiguration

PORT = 8080
USER = "10001:10001"  # of Dockerfile.ecs-gpu
SCRATCH, SCRATCH_MEGABYTES = "/tmp", 256  # noqa: S108 -- in the container
# The gateway gives up after 30 seconds, so no caller waits longer for a response.
STOP_SECONDS = 25
STOP_TIMEOUT = cdk.Duration.seconds(STOP_SECONDS + 10)
METRICS_SECONDS = 60  # the resolution of CloudWatch

# Fargate has no GPU and accepts a task that asks for one without an error.
GPUS = {"gpu": 1, "fargate": None}
BACKENDS = {"gpu": "torch", "fargate": "onnx"}
COMPATIBILITIES = {"gpu": ecs.Compatibility.MANAGED_INSTANCES, "fargate": ecs.Compatibility.FARGATE}
ARCHITECTURES = {
    "linux/amd64": ecs.CpuArchitecture.X86_64,
    "linux/arm64": ecs.CpuArchitecture.ARM64,
}


class ServerTask(Construct):
    """Task definition with one container, which may write to its /tmp and its log alone.

    It runs an image by its `digest`, `sha256:...`. `environment` has the settings that do not
    follow from the stage, `secrets` those that ECS reads from Secrets Manager at a task's start.
    """

    def __init__(
        self,
        scope: Construct,
        id_: str,
        *,
        deployment: Deployment,
        service: ServiceConfiguration,
        digest: str,
        environment: dict[str, str],
        secrets: dict[str, ecs.Secret],
    ) -> None:
        super().__init__(scope, id_)
        project, stage = deployment
        cpu, memory = service.size
        self.log_group = log_group(self, "Log", stage=stage)
        self.definition = ecs.TaskDefinition(
            self,
            "Definition",
            family=deployment.server,
            compatibility=COMPATIBILITIES[service.capacity],
            network_mode=ecs.NetworkMode.AWS_VPC,
            cpu=str(cpu),
            memory_mib=str(memory),
            runtime_platform=ecs.RuntimePlatform(
                cpu_architecture=ARCHITECTURES[service.platform],
                operating_system_family=ecs.OperatingSystemFamily.LINUX,
            ),
        )
        repository = ecr.Repository.from_repository_name(
            self, "Repository", project.server_repository
        )
        self.definition.add_container(
            "server",
            image=ecs.ContainerImage.from_ecr_repository(repository, digest),
            gpu_count=GPUS[service.capacity],
            port_mappings=[ecs.PortMapping(container_port=PORT)],
            environment={
                "PORT": str(PORT),
                "BACKEND": BACKENDS[service.capacity],
                "DEFAULT_MODEL": stage.function.default_model,
                "SERVICE": deployment.server,
                "METRICS_SECONDS": str(METRICS_SECONDS),
                "STOP_SECONDS": str(STOP_SECONDS),
                **environment,
                **service.environment,
            },
            secrets=secrets,
            user=USER,
            readonly_root_filesystem=True,
            linux_parameters=self._linux_parameters(),
            stop_timeout=STOP_TIMEOUT,
            # A blocked log must not block responses.
            logging=ecs.LogDrivers.aws_logs(
                stream_prefix="server",
                log_group=self.log_group,
                mode=ecs.AwsLogDriverMode.NON_BLOCKING,
            ),
        )
        acknowledge(
            self.definition,
            "AwsSolutions-ECS2",
            "No setting is a secret: a key is present only as its SHA-256.",
        )
        acknowledge(
            self.definition,
            "AwsSolutions-IAM5[Resource::*]",
            "ecr:GetAuthorizationToken has no resource-level permissions.",
        )

    def _linux_parameters(self) -> ecs.LinuxParameters:
        """Return parameters without root's capabilities and with a /tmp in memory."""
        parameters = ecs.LinuxParameters(self, "Confined")
        parameters.drop_capabilities(ecs.Capability.ALL)
        parameters.add_tmpfs(
            ecs.Tmpfs(
                container_path=SCRATCH,
                size=SCRATCH_MEGABYTES,
                mount_options=[ecs.TmpfsMountOption.NOSUID, ecs.TmpfsMountOption.NODEV],
            )
        )
        return parameters
