"""`docker-compose.voice.yml`: what it runs, what it asks for, and what it keeps closed."""

import re
from pathlib import Path

import pytest
import yaml

from gateway.calls import STOP_LIMIT_S
from gateway.cli.health import PORTS
from gateway.cli.main import COMMANDS
from gateway.store.outbox import CLOSE_S
from services.base.serve import STOP_S
from services.speech.settings import SpeechSettings
from tests.deploy.composition import FILE, ROOT, BadComposition, Composition, check, given, mounts, put_in
from tests.deploy.dockerfile import FILE as DOCKERFILE
from tests.deploy.dockerfile import environment, instructions

TEXT = FILE.read_text(encoding="utf-8")

NEEDED = {
    "ANTIPHON_API_KEYS": "0123456789abcdef",
    "ANTIPHON_INTERNAL_KEY": "secret of the parts",
    "POSTGRES_PASSWORD": "p@ss/w:rd",
}
ON_CPU = ["postgres", "migrate", "orchestrator", "phrases", "transcriber", "synthesizer", "gateway"]
ONCE = ("migrate", "phrases")
OURS = [name for name in [*ON_CPU, "speech"] if name != "postgres"]


def read(profile: str = "gpu", **variables: str) -> Composition:
    return Composition.read(TEXT, {**NEEDED, **variables}, profile)


def test_the_profile_cpu_is_everything_that_a_call_needs() -> None:
    assert list(read("cpu").services) == ON_CPU


def test_the_profile_gpu_is_the_same_and_the_duplex_model_on_a_gpu() -> None:
    assert list(read("gpu").services) == [*ON_CPU, "speech"]
    devices = read("gpu").services["speech"]["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]


def test_the_duplex_model_has_an_image_of_its_own_with_torch() -> None:
    services = read().services
    build = services["speech"]["build"]
    assert build == {"context": services["gateway"]["build"], "target": "speech"}
    stages = [
        each.words for each in instructions(DOCKERFILE.read_text(encoding="utf-8")) if each.word == "FROM"
    ]
    assert build["target"] in [words[2] for words in stages if len(words) == 3]
    assert services["speech"]["image"] not in {services[name]["image"] for name in OURS if name != "speech"}


def test_what_is_fetched_for_the_duplex_model_is_kept() -> None:
    home = environment(DOCKERFILE.read_text(encoding="utf-8"), "speech")["HF_HOME"]
    (target,) = [target for source, target in mounts(read().services["speech"]) if source == "weights"]
    assert Path(home).is_relative_to(target)


def test_the_line_in_the_docs_sends_the_gateway_to_the_duplex_model_of_the_profile() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (url,) = re.findall(r"PERSONAPLEX_URLS=(http://speech:\d+)", page)
    services = read(PERSONAPLEX_URLS=url).services
    assert url == f"http://speech:{PORTS['speech']}"
    assert services["gateway"]["environment"]["PERSONAPLEX_URLS"] == url
    assert set(services["speech"]["networks"]) & set(services["gateway"]["networks"])


def test_the_gateway_looks_for_no_duplex_model_that_it_is_not_told_of() -> None:
    # Compose puts variables in before it chooses a profile, so a default would hold on `cpu`, too.
    for profile in ("cpu", "gpu"):
        assert "PERSONAPLEX_URLS" not in read(profile).services["gateway"]["environment"]


@pytest.mark.parametrize("name", NEEDED)
@pytest.mark.parametrize("value", [{}, "empty"])
def test_a_missing_secret_stops_it_with_words_to_act_on(name: str, value: object) -> None:
    variables = {**NEEDED, name: ""} if value else {k: v for k, v in NEEDED.items() if k != name}
    with pytest.raises(BadComposition, match=rf"{name} is missing a value: set it in \.env, .* makes one"):
        Composition.read(TEXT, variables, "cpu")


def test_nothing_else_is_needed_on_any_profile() -> None:
    # Variables are put in before a profile is chosen: one that `gpu` needs would stop `cpu`, too.
    assert set(re.findall(r"\$\{(\w+):?\?", TEXT)) == set(NEEDED)


def test_every_service_starts_after_those_that_it_needs() -> None:
    order = list(read().in_order())
    assert order.index("postgres") < order.index("migrate") < order.index("gateway")
    assert order.index("orchestrator") < order.index("phrases") < order.index("transcriber")


@pytest.mark.parametrize("name", OURS)
def test_a_part_may_write_in_its_own_folders_alone_and_is_never_more_than_it_must_be(name: str) -> None:
    part = read().services[name]
    assert part["read_only"] is True
    assert part["tmpfs"] == ["/tmp"]
    assert part["cap_drop"] == ["ALL"]
    assert part["security_opt"] == ["no-new-privileges:true"]
    assert not {"cap_add", "privileged", "user", "network_mode", "pid"} & part.keys()


@pytest.mark.parametrize("name", [*OURS, "postgres"])
def test_a_service_says_whether_it_is_well_and_comes_back_or_runs_once(name: str) -> None:
    service = read().services[name]
    if name in ONCE:
        assert (service["restart"], "healthcheck" in service) == ("no", False)
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", OURS)
def test_a_part_runs_a_command_of_ours(name: str) -> None:
    part = read().services[name]
    assert part["command"] == [name]
    assert name in COMMANDS
    if name not in ONCE:
        assert part["healthcheck"]["test"] == ["CMD", "antiphon", "health", name]


@pytest.mark.parametrize("name", ONCE)
def test_a_service_that_ends_is_waited_for(name: str) -> None:
    # Else `up --wait` would take its end for a failure.
    waits = [service.get("depends_on", {}).get(name) for service in read().services.values()]
    assert {"condition": "service_completed_successfully"} in waits


def test_whoever_waits_for_a_service_waits_for_what_it_can_tell() -> None:
    services = read().services
    for service in services.values():
        for other, how in service.get("depends_on", {}).items():
            expected = {"service_completed_successfully"} if other in ONCE else set()
            if "healthcheck" in services[other]:
                expected = {"service_healthy", "service_started"}
            assert how["condition"] in expected


@pytest.mark.parametrize("profile", ["cpu", "gpu"])
def test_only_what_people_and_clients_talk_to_is_published_and_on_this_machine_alone(profile: str) -> None:
    published = {n: s["ports"] for n, s in read(profile).services.items() if "ports" in s}
    assert published == {"gateway": ["127.0.0.1:8999:8999"]}


def test_a_variable_publishes_it_elsewhere() -> None:
    assert read(GATEWAY_PUBLISH="0.0.0.0:443").services["gateway"]["ports"] == ["0.0.0.0:443:8999"]


def test_the_database_and_the_parts_without_business_outside_have_no_way_there() -> None:
    outside = [name for name, service in read().services.items() if service["networks"] != ["inner"]]
    assert outside == ["orchestrator", "gateway", "speech"]


def test_the_password_is_told_to_the_database_and_to_those_who_use_it_alone() -> None:
    told = {n for n, s in read().services.items() if NEEDED["POSTGRES_PASSWORD"] in s["environment"].values()}
    assert told == {
        "postgres",
        *(n for n, s in read().services.items() if "DATABASE_URL" in s["environment"]),
    }
    keys = {n for n, s in read().services.items() if "ANTIPHON_API_KEYS" in s["environment"]}
    assert keys == {"gateway"}


def test_the_hubs_token_is_told_to_the_duplex_model_alone() -> None:
    services = read(HF_TOKEN="hf_secret").services
    assert {n for n, s in services.items() if "hf_secret" in s["environment"].values()} == {"speech"}


def test_a_part_gets_the_time_that_it_takes_to_stop_in_order() -> None:
    grace = {name: int(read().services[name]["stop_grace_period"].rstrip("s")) for name in OURS}
    assert min(grace.values()) > STOP_S
    assert grace["gateway"] > STOP_LIMIT_S + CLOSE_S + STOP_S
    assert grace["speech"] > SpeechSettings.model_fields["speech_drain_s"].default + STOP_S


def test_limits_are_set_by_variables_and_are_none_by_default() -> None:
    limits = {"cpus": "1.5", "memory": "2g"}
    for name in ("gateway", "orchestrator", "postgres", "speech", "synthesizer", "transcriber"):
        assert read().services[name]["deploy"]["resources"]["limits"] == {"cpus": "0", "memory": "0"}
        set_so = read(**{f"{name.upper()}_CPUS": "1.5", f"{name.upper()}_MEMORY": "2g"})
        assert set_so.services[name]["deploy"]["resources"]["limits"] == limits


BREAKS = {
    "a key that does not exist": ("    command: [gateway]", "    comand: [gateway]"),
    "a service that does not exist": ("postgres: {condition", "postgress: {condition"),
    "a condition that does not exist": ("service_completed_successfully", "service_completed"),
    "a network that does not exist": ("networks: [inner, outer]", "networks: [inner, out]"),
    "a volume that does not exist": ('"pgdata:/var', '"pgdat:/var'),
    "a service of another profile": (
        "    profiles: [cpu, gpu]\n    restart",
        "    profiles: [cpu]\n    restart",
    ),
    "a port that is none": ("127.0.0.1:8999}:8999", "127.0.0.1:8999}:eightyninenine"),
    "a variable without a value": ("${GATEWAY_NODE:-gateway}", "${GATEWAY_NODE}"),
    "a brace that is not closed": ("${GATEWAY_NODE:-gateway}", "${GATEWAY_NODE:-gateway"),
    "a time that is none": ("stop_grace_period: 30s", "stop_grace_period: soon"),
    "parts that wait for each other": (
        'restart: "no"\n    environment:\n      <<: [*environment, *database]\n    depends_on:\n',
        'restart: "no"\n    environment:\n      <<: [*environment, *database]\n    depends_on:\n'
        "      gateway: {condition: service_healthy}\n",
    ),
}


@pytest.mark.parametrize("what", BREAKS)
def test_a_broken_file_is_found(what: str) -> None:
    good, bad = BREAKS[what]
    assert good in TEXT
    with pytest.raises(BadComposition):
        list(Composition.read(TEXT.replace(good, bad), NEEDED, "gpu").in_order())


def test_the_file_that_the_docs_put_on_top_fits_it() -> None:
    page = (ROOT / "docs" / "deployment.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    on_top = yaml.safe_load(example)
    check(on_top)
    assert on_top["services"].keys() <= read("gpu").services.keys()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$$HOME", "$HOME"),
        ("a $B c", "a b c"),
        ("${B}", "b"),
        ("${NONE:-x}${NONE-x}", "xx"),
        ("${EMPTY:-x}|${EMPTY-x}|${EMPTY}", "x||"),
        ("${B:+x}${EMPTY:+x}${EMPTY+y}", "xy"),
        ("${NONE:-${B}-${OTHER:-c}}", "b-c"),
        ("${B:?say}", "b"),
        ("1 $ 2", "1 $ 2"),
    ],
)
def test_variables_are_put_in_as_the_specification_has_it(text: str, value: str) -> None:
    assert put_in(text, {"B": "b", "EMPTY": ""}) == value


def test_a_name_without_a_value_hands_on_what_is_set() -> None:
    assert given({"A": None, "B": None, "C": "c"}, {"A": "a"}) == {"A": "a", "C": "c"}
