"""Stands for the AWS command line, which a test can't expect, with the options that our documents use.

It is called as a script: `aws dynamodb VERB`, `aws s3api VERB`, `aws s3 cp SOURCE TARGET` and `aws s3 ls PLACE`. Any
other option is wrong usage; what the client library takes for an option, the real one takes, too.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore.config import Config


def parsed(arguments: list[str]) -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="aws", allow_abbrev=False)
    services = parser.add_subparsers(dest="service", required=True)
    dynamodb = services.add_parser("dynamodb", allow_abbrev=False)
    dynamodb.add_argument("verb")
    dynamodb.add_argument("--endpoint-url", required=True)
    dynamodb.add_argument("--cli-input-json", type=content, default={})
    dynamodb.add_argument("--resource-arn")
    dynamodb.add_argument("--select")
    dynamodb.add_argument("--query")
    dynamodb.add_argument("--output", choices=["json", "text"], default="json")
    s3api = services.add_parser("s3api", allow_abbrev=False)
    s3api.add_argument("verb")
    s3api.add_argument("--bucket", required=True)
    for option in ("create-bucket", "public-access-block", "versioning", "lifecycle"):
        s3api.add_argument(f"--{option}-configuration", type=content)
    s3 = services.add_parser("s3", allow_abbrev=False)
    s3.add_argument("verb", choices=["cp", "ls"])
    s3.add_argument("places", nargs="+")
    s3.add_argument("--only-show-errors", action="store_true")
    return parser.parse_args(arguments)


def content(text: str) -> Any:
    """A structure: as JSON, in a file, or as the shorthand of names and values."""
    if text.startswith("file://"):
        text = Path(text.removeprefix("file://")).read_text()
    if text.startswith(("{", "[")):
        return json.loads(text)
    pairs = (pair.partition("=") for pair in text.split(","))
    return {name: value == "true" if value in {"true", "false"} else value for name, _, value in pairs}


def dynamodb(arguments: argparse.Namespace) -> Any:
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


def s3api(arguments: argparse.Namespace) -> None:
    """Have something done to a bucket."""
    options = {name: value for name, value in vars(arguments).items() if value is not None}
    del options["service"], options["verb"]
    parameters = {"".join(map(str.capitalize, name.split("_"))): value for name, value in options.items()}
    getattr(boto3.client("s3"), arguments.verb.replace("-", "_"))(**parameters)


def s3(arguments: argparse.Namespace) -> None:
    """Fetch an object, or print what lies in a folder."""
    bucket, _, key = arguments.places[0].removeprefix("s3://").partition("/")
    client = boto3.client("s3")
    if arguments.verb == "cp":
        _, target = arguments.places
        client.download_file(bucket, key, target)
        return
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key, Delimiter="/"):
        for found in page.get("CommonPrefixes", ()):
            sys.stdout.write(f"PRE {found['Prefix'].removeprefix(key)}\n")
        for found in page.get("Contents", ()):
            sys.stdout.write(f"{found['LastModified']} {found['Size']} {found['Key'].removeprefix(key)}\n")


def main() -> None:
    """Ask, and print the answer."""
    arguments = parsed(sys.argv[1:])
    if arguments.service != "dynamodb":
        {"s3": s3, "s3api": s3api}[arguments.service](arguments)
        return
    told = dynamodb(arguments)
    shown = jmespath.search(arguments.query, told) if arguments.query else told
    text = shown if arguments.output == "text" else json.dumps(shown, default=str, indent=4)
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    main()
