"""The environment variables that a handler finds on Lambda."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

LOOPBACK = "127.0.0.1"
FUNCTION_NAME = "evergreen-local"
REGION = "us-east-1"


def lambda_environment(
    directory: Path, timeout_seconds: int, memory_megabytes: int, extra: Mapping[str, str]
) -> dict[str, str]:
    """This process's environment, less what is the caller's own on AWS, plus what Lambda sets."""
    # The developer's profile, keys and endpoints must not become the handler's.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return {
        **inherited,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_NAME": FUNCTION_NAME,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(memory_megabytes),
        "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_seconds),
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{FUNCTION_NAME}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "$LATEST",
        "LAMBDA_TASK_ROOT": str(directory),
        "TZ": ":UTC",
        # Or the handler's last words would be lost when it is killed.
        "PYTHONUNBUFFERED": "1",
        **extra,
    }
