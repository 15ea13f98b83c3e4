"""Anthropic and Google, through LangChain's `init_chat_model`, where their packages are installed (they are extras)."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any, Literal

from app.addresses import host_of
from app.errors import SettingsError
from app.metering import paid_to
from app.providers.chat.langchain import LangChainChat
from app.providers.failures import Service, provider_errors
from app.providers.wire import keep_deadlines, stay_there
from app.settings import Settings

Name = Literal["anthropic", "google"]


@dataclass(frozen=True, slots=True)
class _Kind:
    package: str
    provider: str  # as init_chat_model names it
    address: str


_KINDS: dict[Name, _Kind] = {
    "anthropic": _Kind("langchain_anthropic", "anthropic", "https://api.anthropic.com"),
    "google": _Kind("langchain_google_genai", "google_genai", "https://generativelanguage.googleapis.com"),
}


class InstalledChat(LangChainChat):
    """`CHAT_MODEL=anthropic:MODEL` or `google:MODEL`."""

    def __init__(self, name: Name, model: str, settings: Settings, *, model_setting: str = "CHAT_MODEL") -> None:
        """Raises SettingsError with the command to type where the provider's package is not installed."""
        kind = _KINDS[name]
        needed = [package for package in ("langchain", kind.package) if find_spec(package) is None]
        if needed:
            raise SettingsError(
                f"{model_setting}={name}:{model} needs the package {needed[-1].replace('_', '-')}.",
                hint=f'pip install -c constraints.txt -e ".[{name}]"   (in the folder of Sluice)',
            )
        from langchain.chat_models import init_chat_model

        key = settings.anthropic_api_key if name == "anthropic" else settings.google_api_key
        base = settings.anthropic_base_url if name == "anthropic" else settings.google_base_url
        secret = None if key is None else key.get_secret_value()
        service = Service(
            name=f"The chat model {model}",
            key_setting=f"{name.upper()}_API_KEY",
            url_setting=f"{name.upper()}_BASE_URL",
            timeout_setting="CHAT_TIMEOUT",
            model_setting=model_setting,
            secret=secret,
            at=host_of(base or kind.address),
        )
        super().__init__(
            model,
            service,
            provider=paid_to(base, name, host_of(kind.address)),
            seconds=settings.chat_timeout,
            window=settings.chat_window,
        )
        self._elsewhere = base is not None
        self._limited_by = "max_tokens" if name == "anthropic" else "max_output_tokens"
        with provider_errors(service):
            options: dict[str, Any] = {"temperature": 0.0} if name == "google" else {}
            self._model = init_chat_model(
                model,
                model_provider=kind.provider,
                api_key=secret if secret is not None else "not-needed",
                base_url=base if base is not None else kind.address,
                timeout=settings.chat_timeout,
                max_retries=0 if name == "anthropic" else 1,  # 1 is "once" to Google's SDK, 0 is "as you like"
                **options,
            )
        inner = _inner_client(name, self._model)
        keep_deadlines(inner)
        stay_there(inner)

    @property
    def window(self) -> int | None:
        """What CHAT_WINDOW says, else the model's profile."""
        if self._own_window is not None or self._elsewhere:
            return self._own_window
        return self._profile_window()

    def _limit(self, max_tokens: int) -> dict[str, Any]:
        return {self._limited_by: max_tokens}


def _inner_client(name: Name, model: Any) -> Any:
    """The HTTP client inside, which neither package lets one choose; None where it is not where it was."""
    if name == "anthropic":
        return getattr(getattr(model, "_client", None), "_client", None)
    return getattr(getattr(getattr(model, "client", None), "_api_client", None), "_httpx_client", None)
