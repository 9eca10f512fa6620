"""Commands that only GitHub's workflows run."""

# To be raised when release.yml or build-image.yml calls a command, or reads an output, that is new:
# a refresh runs the branch's workflows with the commands of the commit that the stage runs.
INTERFACE = 2
