"""Settings: what wins, what is refused, and which environment variables a project may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.errors import HeadgateError, Refused, UsageError
from headgate.model.secret import Secret
from headgate.settings import SETTINGS, Settings, load
from headgate.settings.reference import reference_page


def config(tmp_path: Path, text: str) -> dict[str, str]:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return {"HEADGATE_CONFIG": str(path), "HOME": str(tmp_path)}


def nowhere(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def test_defaults_stand_where_nothing_is_given(tmp_path: Path) -> None:
    settings = load(tmp_path, environ=nowhere(tmp_path))
    assert settings.state_dir == tmp_path / ".headgate"
    assert (settings.parallelism, settings.lease_seconds, settings.wait_seconds) == (16, 30.0, None)
    assert (settings.environment, settings.color) == (None, "auto")
    assert set(settings.sources.values()) == {"default"}


def test_defaults_of_the_type_are_those_of_the_table(tmp_path: Path) -> None:
    assert Settings(tmp_path / ".headgate", sources=dict.fromkeys(SETTINGS, "default")) == load(
        tmp_path, environ=nowhere(tmp_path)
    )


def test_flag_beats_variable_beats_file_and_each_is_named(tmp_path: Path) -> None:
    environ = config(tmp_path, 'parallelism = 2\nlease_seconds = 40\nenvironment = "dev"\n')
    environ |= {"HEADGATE_PARALLELISM": "3", "HEADGATE_ENVIRONMENT": "qa"}
    settings = load(tmp_path, flags={"environment": "prod", "parallelism": None}, environ=environ)
    assert (settings.environment, settings.parallelism, settings.lease_seconds) == ("prod", 3, 40.0)
    assert settings.sources["environment"] == "-e"
    assert settings.sources["parallelism"] == "HEADGATE_PARALLELISM"
    assert settings.sources["lease_seconds"] == str(tmp_path / "config.toml")


def test_file_in_the_home_folder_is_found(tmp_path: Path) -> None:
    folder = tmp_path / ".config" / "headgate"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text("parallelism = 5\n")
    assert load(tmp_path, environ=nowhere(tmp_path)).parallelism == 5


def test_empty_variable_counts_as_not_given(tmp_path: Path) -> None:
    assert load(tmp_path, environ=nowhere(tmp_path) | {"HEADGATE_PARALLELISM": ""}).parallelism == 16


def test_relative_state_folder_counts_from_the_project(tmp_path: Path) -> None:
    environ = nowhere(tmp_path) | {"HEADGATE_STATE_DIR": "state"}
    assert load(tmp_path, environ=environ).state_dir == tmp_path / "state"


def test_wait_of_forever_overrides_a_number(tmp_path: Path) -> None:
    environ = config(tmp_path, "wait_seconds = 5\n")
    assert load(tmp_path, environ=environ).wait_seconds == 5
    assert load(tmp_path, environ=environ | {"HEADGATE_WAIT_SECONDS": "forever"}).wait_seconds is None


@pytest.mark.parametrize(
    ("environ", "color", "source"),
    [
        ({"NO_COLOR": "1"}, "never", "NO_COLOR"),
        ({"NO_COLOR": ""}, "auto", "default"),
        ({"NO_COLOR": "1", "HEADGATE_COLOR": "always"}, "always", "HEADGATE_COLOR"),
    ],
)
def test_no_color_means_never_unless_headgate_is_told_otherwise(
    tmp_path: Path, environ: dict[str, str], color: str, source: str
) -> None:
    settings = load(tmp_path, environ=nowhere(tmp_path) | environ)
    assert (settings.color, settings.sources["color"]) == (color, source)


@pytest.mark.parametrize(
    ("name", "value", "needs"),
    [
        ("parallelism", "0", "a whole number from 1"),
        ("parallelism", "many", "a whole number from 1"),
        ("lease_seconds", "0.5", "a number of seconds from 1"),
        ("lease_seconds", "nan", "a number of seconds"),
        ("wait_seconds", "-1", "a number of seconds, or forever"),
        ("color", "red", "auto, always or never"),
        ("public_url", "headgate.example.com", "an address such as https://headgate.example.com"),
    ],
)
def test_invalid_value_names_the_setting_what_it_needs_and_where_it_stands(
    tmp_path: Path, name: str, value: str, needs: str
) -> None:
    variable = SETTINGS[name].variable
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ=nowhere(tmp_path) | {variable: value})
    assert caught.value.code == "setting_invalid"
    assert name in caught.value.message
    assert needs in caught.value.message
    assert variable in caught.value.hint


def test_invalid_value_in_the_file_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ=config(tmp_path, "parallelism = true\n"))
    assert "config.toml" in caught.value.hint


def test_unknown_key_in_the_file_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ=config(tmp_path, "paralelism = 3\n"))
    assert caught.value.code == "setting_unknown"
    assert "parallelism" in caught.value.hint
    assert "config.toml" in str(caught.value)


def test_file_that_is_not_toml_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ=config(tmp_path, "parallelism = 3\ncolor = = 1\n"))
    assert caught.value.code == "config_syntax"
    assert caught.value.location is not None
    assert caught.value.location.line == 2


def test_named_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ={"HEADGATE_CONFIG": str(tmp_path / "none.toml")})
    assert caught.value.code == "config_not_found"


def test_allowed_variables_and_secrets_are_put_in_place(tmp_path: Path) -> None:
    environ = nowhere(tmp_path) | {"PGHOST": "db", "HEADGATE_DW": "dw", "HEADGATE_SECRET_PG": "hush"}
    settings = load(tmp_path, environ=environ)
    assert settings.resolve("postgres://u:${secret:PG}@${PGHOST}/${HEADGATE_DW}") == "postgres://u:hush@db/dw"
    assert settings.resolve("no $PGHOST here") == "no $PGHOST here"


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("${AWS_SECRET_ACCESS_KEY}", Refused, "variable_not_allowed"),
        ("${HEADGATE_ADMIN_TOKEN}", Refused, "variable_not_allowed"),
        ("${HEADGATE_SECRET_PG}", Refused, "variable_not_allowed"),
        ("${}", Refused, "variable_not_allowed"),
        ("${PGHOST}", UsageError, "variable_missing"),
        ("${secret:OTHER}", UsageError, "secret_missing"),
    ],
)
def test_reference_that_may_not_or_cannot_be_read_is_refused(
    tmp_path: Path, text: str, kind: type[HeadgateError], code: str
) -> None:
    names = ("AWS_SECRET_ACCESS_KEY", "HEADGATE_ADMIN_TOKEN", "HEADGATE_SECRET_PG")
    environ = dict.fromkeys(names, "k3y-that-is-long-enough")
    settings = load(tmp_path, environ=nowhere(tmp_path) | environ)
    with pytest.raises(kind) as caught:
        settings.resolve(text)
    assert caught.value.code == code
    assert "k3y" not in caught.value.message + caught.value.hint


def test_own_credentials_stay_unreadable_when_everything_is_allowed(tmp_path: Path) -> None:
    environ = {"HEADGATE_ALLOWED_ENV": "*", "HEADGATE_DATABASE_URL": "postgresql://", "HOME2": "fine"}
    settings = load(tmp_path, environ=nowhere(tmp_path) | environ)
    assert settings.resolve("${HOME2}") == "fine"
    with pytest.raises(Refused):
        settings.resolve("${HEADGATE_DATABASE_URL}")


def test_values_of_variables_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    settings = load(tmp_path, environ=nowhere(tmp_path) | {"PGPASSWORD": "hush"})
    assert "hush" not in repr(settings)


def test_stored_secret_is_taken_where_no_variable_sets_it(tmp_path: Path) -> None:
    settings = load(
        tmp_path, environ=nowhere(tmp_path) | {"HEADGATE_SECRET_ONE": "variable", "PGPASSWORD": "pw"}
    )
    told: list[Secret] = []
    kept = {"ONE": Secret("stored"), "TWO": Secret("stored too")}
    text = settings.resolve(
        "${secret:ONE} ${secret:TWO} ${PGPASSWORD}", stored=kept.get, on_secret=told.append
    )
    assert text == "variable stored too pw"
    assert told == [Secret("variable"), Secret("stored too"), Secret("pw")]
    with pytest.raises(UsageError) as caught:
        settings.resolve("${secret:THREE}", stored=kept.get)
    assert caught.value.hint == "headgate secret set THREE, or export HEADGATE_SECRET_THREE=…"


def test_key_that_seals_secrets_is_not_the_secret_named_key(tmp_path: Path) -> None:
    settings = load(tmp_path, environ=nowhere(tmp_path) | {"HEADGATE_SECRET_KEY": "k3y"})
    assert settings.secret_key == Secret("k3y")
    with pytest.raises(UsageError) as caught:
        settings.resolve("${secret:KEY}")
    assert caught.value.code == "secret_missing"


@pytest.mark.parametrize(
    "value", ["t0o short", "fifteen-letter5", "with a blank in it", "ümlaut-ümlaut-ümlaut"]
)
def test_token_that_could_be_guessed_is_refused_and_not_shown(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ=nowhere(tmp_path) | {"HEADGATE_ADMIN_TOKEN": value})
    assert caught.value.code == "setting_invalid"
    assert value not in caught.value.message
    assert caught.value.hint == "it is set by HEADGATE_ADMIN_TOKEN"


def test_secret_settings_do_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    environ = {"HEADGATE_ADMIN_TOKEN": "hush-hush-hush-hush", "HEADGATE_SECRET_KEY": "hush"}
    settings = load(tmp_path, environ=nowhere(tmp_path) | environ)
    assert settings.admin_token == Secret("hush-hush-hush-hush")
    assert "hush" not in repr(settings)


@pytest.mark.parametrize("value", ["mysql://ada:hush@host/db", "hush"])
def test_address_of_another_kind_of_database_is_refused_and_not_shown(tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        load(tmp_path, environ=nowhere(tmp_path) | {"HEADGATE_DATABASE_URL": value})
    assert caught.value.code == "setting_invalid"
    assert "hush" not in caught.value.message + caught.value.hint


def test_address_of_the_database_does_not_show_when_settings_are_printed(tmp_path: Path) -> None:
    url = "postgresql://ada:hush@host/db"
    settings = load(tmp_path, environ=nowhere(tmp_path) | {"HEADGATE_DATABASE_URL": url})
    assert settings.database_url == Secret(url)
    assert "hush" not in repr(settings)


def test_reference_page_is_up_to_date() -> None:
    page = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
    assert page.read_text(encoding="utf-8") == reference_page()


# --- servers and profiles -------------------------------------------------------------------------------

PROFILES = """\
server = "http://first:8600"
token = "hg_first"

[profiles.prod]
server = "https://prod.internal"
token = "hg_prod"
environment = "prod"
"""


def with_profiles(tmp_path: Path, **variables: str) -> dict[str, str]:
    path = tmp_path / "config.toml"
    path.write_text(PROFILES, encoding="utf-8")
    return {"HEADGATE_CONFIG": str(path), **variables}


def asked(settings: Settings) -> tuple[str | None, str | None, str | None]:
    token = None if settings.token is None else settings.token.reveal()
    return settings.server, token, settings.environment


def test_profile_gives_server_token_and_environment_together(tmp_path: Path) -> None:
    prod = ("https://prod.internal", "hg_prod", "prod")
    assert asked(load(tmp_path, environ=with_profiles(tmp_path))) == ("http://first:8600", "hg_first", None)
    assert asked(load(tmp_path, environ=with_profiles(tmp_path, HEADGATE_PROFILE="prod"))) == prod
    assert asked(load(tmp_path, environ=with_profiles(tmp_path), flags={"profile": "prod"})) == prod


def test_variables_come_before_the_profile_that_a_variable_names_and_after_that_of_the_flag(
    tmp_path: Path,
) -> None:
    variables = {"HEADGATE_SERVER": "http://other", "HEADGATE_TOKEN": "hg_other"}
    environ = with_profiles(tmp_path, HEADGATE_PROFILE="prod", **variables)
    assert asked(load(tmp_path, environ=environ)) == ("http://other", "hg_other", "prod")
    environ = with_profiles(tmp_path, **variables)
    flags = {"profile": "prod"}
    assert asked(load(tmp_path, environ=environ, flags=flags)) == ("https://prod.internal", "hg_prod", "prod")
    flags["server"] = "http://third"
    assert asked(load(tmp_path, environ=environ, flags=flags)) == ("http://third", None, "prod")


@pytest.mark.parametrize("flags", [{"server": "http://evil"}, {"server": "local"}])
def test_token_of_a_file_goes_to_the_server_beside_it_and_to_no_other(
    tmp_path: Path, flags: dict[str, str]
) -> None:
    assert load(tmp_path, environ=with_profiles(tmp_path), flags=flags).token is None
    environ = with_profiles(tmp_path, HEADGATE_PROFILE="prod")
    assert load(tmp_path, environ=environ, flags=flags).token is None
    environ["HEADGATE_TOKEN"] = "hg_variable"
    token = load(tmp_path, environ=environ, flags=flags).token
    assert token is not None
    assert token.reveal() == "hg_variable"


@pytest.mark.parametrize(
    ("text", "variables", "code"),
    [
        (PROFILES, {"HEADGATE_PROFILE": "prud"}, "profile_not_found"),
        ("[profiles.prod]\nparallelism = 3\n", {}, "setting_unknown"),
        ('profiles = "prod"\n', {}, "config_syntax"),
        ('[profiles]\nprod = "x"\n', {}, "config_syntax"),
        ("", {"HEADGATE_SERVER": "prod:8600"}, "setting_invalid"),
    ],
)
def test_profile_that_is_none_is_refused(
    tmp_path: Path, text: str, variables: dict[str, str], code: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as told:
        load(tmp_path, environ={"HEADGATE_CONFIG": str(path), **variables})
    assert told.value.code == code
