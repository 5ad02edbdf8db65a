"""Stands for the AWS command line, which a test can't expect: `aws dynamodb VERB` with the options of README.txt.

It is called as a script. Any other option is wrong usage; what the client library takes for an option, the real one
takes, too.
"""

import argparse
import json
import sys
from typing import Any

import boto3
import jmespath
from botocore.config import Config


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="aws", allow_abbrev=False)
    parser.add_argument("service", choices=["dynamodb"])
    parser.add_argument("verb")
    parser.add_argument("--endpoint-url", required=True)
    parser.add_argument("--cli-input-json", type=json.loads, default={})
    parser.add_argument("--resource-arn")
    parser.add_argument("--select")
    parser.add_argument("--query")
    parser.add_argument("--output", choices=["json", "text"], default="json")
    return parser.parse_args(arguments)


def answer(arguments: argparse.Namespace) -> Any:
    """What the node says, all pages of it; key and region are those of the environment."""
    client = boto3.client("dynamodb", endpoint_url=arguments.endpoint_url, config=Config(proxies={}))
    parameters = dict(arguments.cli_input_json)
    parameters |= {"ResourceArn": arguments.resource_arn} if arguments.resource_arn else {}
    parameters |= {"Select": arguments.select} if arguments.select else {}
    operation = arguments.verb.replace("-", "_")
    if client.can_paginate(operation):
        return client.get_paginator(operation).paginate(**parameters).build_full_result()
    told = getattr(client, operation)(**parameters)
    del told["ResponseMetadata"]
    return told


def main() -> None:
    """Ask, and print the answer."""
    arguments = parsed(sys.argv[1:])
    told = answer(arguments)
    shown = jmespath.search(arguments.query, told) if arguments.query else told
    text = shown if arguments.output == "text" else json.dumps(shown, default=str, indent=4)
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
