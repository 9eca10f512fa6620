import traceback

import pytest

from function.core.errors import SettingsError
from function.server.settings import ServerSettings
from function.settings import load_settings


def test_an_empty_environment_gives_the_defaults():
    settings = load_settings(ServerSettings, {})
    assert (settings.auth, settings.limits.texts) == ("public", 128)


def test_the_environment_wins():
    settings = load_settings(ServerSettings, {"MAX_TEXTS": "5", "PORT": "9000", "AUTH": "iam"})
    assert (settings.limits.texts, settings.port, settings.auth) == (5, 9000, "iam")


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"MAX_TEXTS": "many"}, "MAX_TEXTS"),
        ({"MAX_BODY_BYTES": "-1"}, "MAX_BODY_BYTES"),
        ({"MAX_IN_FLIGHT_BYTES": "1000000"}, "MAX_IN_FLIGHT_BYTES=1000000 leaves no room"),
        ({"AUTH": "open"}, "AUTH"),
        ({"PORT": "99999"}, "PORT"),
        ({"SERVICE": "große Welt"}, "SERVICE"),
        ({"AUTH": "key"}, "API_KEY_SHA256"),
        ({"AUTH": "key", "API_KEY_SHA256": "secret"}, "API_KEY_SHA256"),
        ({"PREDICTION_LOG": "maybe"}, "PREDICTION_LOG"),
        ({"PREDICTION_LOG": "true", "PREDICTION_LOG_KEY": "short"}, "PREDICTION_LOG_KEY"),
        ({"FEEDBACK_TEXT": "true"}, "PREDICTION_LOG=true"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(environment, named):
    with pytest.raises(SettingsError, match=named) as raised:
        load_settings(ServerSettings, environment)
    assert "\n" not in str(raised.value)


def test_origins_are_none_by_default_and_as_browsers_write_them():
    assert load_settings(ServerSettings, {}).cors_origins == ()
    given = "https://WWW.Example.com, http://localhost:3000,http://[::1]:8000,capacitor://localhost"
    assert load_settings(ServerSettings, {"CORS_ORIGINS": given}).cors_origins == (
        "https://www.example.com",
        "http://localhost:3000",
        "http://[::1]:8000",
        "capacitor://localhost",
    )
    assert load_settings(ServerSettings, {"CORS_ORIGINS": "*"}).cors_origins == ("*",)


@pytest.mark.parametrize(
    "wrong",
    [
        "www.example.com",
        "https://www.example.com/",
        "https://www.example.com/app",
        "https://*.example.com",
        "https://",
        "null",
        "http://localhost:port",
        "*, https://www.example.com",
        "https://bücher.example",
    ],
)
def test_an_origin_that_no_browser_sends_is_refused_in_one_line(wrong):
    with pytest.raises(SettingsError, match=r"CORS_ORIGINS: '.*' is not an origin: write"):
        load_settings(ServerSettings, {"CORS_ORIGINS": f"https://fine.example,{wrong}"})


def test_predictions_are_logged_only_where_that_is_asked_for():
    assert not load_settings(ServerSettings, {}).prediction_log
    assert load_settings(ServerSettings, {"PREDICTION_LOG": "true"}).prediction_log


def test_the_logs_key_is_shown_nowhere():
    settings = load_settings(ServerSettings, {"PREDICTION_LOG_KEY": "correct horse " * 3})
    assert "horse" not in repr(settings)
    with pytest.raises(SettingsError) as raised:
        load_settings(ServerSettings, {"PREDICTION_LOG_KEY": "correct horse"})
    assert "horse" not in str(raised.value)


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"PREDICTION_LOG_KEY": "correct horse"}, "PREDICTION_LOG_KEY"),
        ({"PREDICTION_LOG_KEY": "correct horse " * 3, "FEEDBACK_TEXT": "true"}, "PREDICTION_LOG"),
        ({"PREDICTION_LOG_KEY": "correct horse " * 3, "AUTH": "key"}, "API_KEY_SHA256"),
    ],
)
def test_no_traceback_of_a_wrong_setting_shows_the_key(environment, named):
    with pytest.raises(SettingsError, match=named) as raised:
        load_settings(ServerSettings, environment)
    assert "horse" not in "".join(traceback.format_exception(raised.value))


def test_several_key_digests_allow_rotation():
    digests = "a" * 64 + ", " + "B" * 64
    settings = load_settings(ServerSettings, {"AUTH": "key", "API_KEY_SHA256": digests})
    assert settings.api_key_sha256 == ("a" * 64, "b" * 64)
