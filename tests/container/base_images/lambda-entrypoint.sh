#!/bin/sh
# The emulator in front of the runtime client, as in AWS's base image where no Lambda is around it.
exec /usr/local/bin/aws-lambda-rie \
    --runtime-interface-emulator-address 127.0.0.1:8080 --runtime-api-address 127.0.0.1:9001 \
    python3 -m awslambdaric "$@"
