"""Every exception class that the SDKs can raise, as an error of ours: by package and name, nothing is imported for it.

A test walks the SDKs that are installed and fails when a class of theirs is not covered.
"""

from __future__ import annotations

from app.errors import (
    ProviderAuth,
    ProviderBroken,
    ProviderError,
    ProviderNonsense,
    ProviderRateLimited,
    ProviderRejected,
    ProviderTimeout,
    ProviderUnreachable,
)

Kind = type[ProviderError]

# whose HTTP status says what it means; its subclasses that are named below come first
BY_STATUS = {"cohere.ApiError", "app.StatusError", "google.APIError", "huggingface_hub.HfHubHTTPError"}

# "package.Class" -> what it means; a class that is not here is looked up by its bases, nearest first
TABLE: dict[str, Kind] = {
    "openai.APITimeoutError": ProviderTimeout,
    "openai.APIConnectionError": ProviderUnreachable,
    "openai.AuthenticationError": ProviderAuth,
    "openai.PermissionDeniedError": ProviderAuth,
    "openai.SubjectTokenProviderError": ProviderAuth,
    "openai.RateLimitError": ProviderRateLimited,
    "openai.InternalServerError": ProviderBroken,
    "openai.APIStatusError": ProviderRejected,
    "openai.APIResponseValidationError": ProviderNonsense,
    "openai.APIError": ProviderBroken,  # an error event in the middle of a stream
    "openai.LengthFinishReasonError": ProviderNonsense,
    "openai.ContentFilterFinishReasonError": ProviderRejected,
    "openai.InvalidWebhookSignatureError": ProviderNonsense,
    "openai.MissingStreamClassError": ProviderBroken,
    "openai.OpenAIError": ProviderBroken,
    "cohere.UnauthorizedError": ProviderAuth,
    "cohere.InvalidTokenError": ProviderAuth,
    "cohere.ForbiddenError": ProviderAuth,
    "cohere.TooManyRequestsError": ProviderRateLimited,
    "cohere.GatewayTimeoutError": ProviderTimeout,
    "cohere.InternalServerError": ProviderBroken,
    "cohere.ServiceUnavailableError": ProviderBroken,
    "cohere.ClientClosedRequestError": ProviderBroken,
    "cohere.BadRequestError": ProviderRejected,
    "cohere.NotFoundError": ProviderRejected,
    "cohere.UnprocessableEntityError": ProviderRejected,
    "cohere.NotImplementedError": ProviderRejected,
    "cohere.SSEError": ProviderNonsense,
    "cohere.ParsingError": ProviderNonsense,
    "anthropic.APITimeoutError": ProviderTimeout,
    "anthropic.APIConnectionError": ProviderUnreachable,
    "anthropic.AuthenticationError": ProviderAuth,
    "anthropic.PermissionDeniedError": ProviderAuth,
    "anthropic.PaymentRequiredError": ProviderAuth,
    "anthropic.CredentialsError": ProviderAuth,
    "anthropic.RateLimitError": ProviderRateLimited,
    "anthropic.RequestTimeoutError": ProviderTimeout,
    "anthropic.GatewayTimeoutError": ProviderTimeout,
    "anthropic.ClientClosedRequestError": ProviderBroken,
    "anthropic.InternalServerError": ProviderBroken,
    "anthropic.APIStatusError": ProviderRejected,
    "anthropic.APIResponseValidationError": ProviderNonsense,
    "anthropic.APIWebhookValidationError": ProviderNonsense,
    "anthropic.APIError": ProviderBroken,  # an error event in the middle of a stream
    "anthropic.AnthropicError": ProviderBroken,
    "google.ClientError": ProviderRejected,  # unless its status says more, see `failures.kind_of`
    "google.ServerError": ProviderBroken,
    "google.UnknownApiResponseError": ProviderNonsense,
    "google.UnknownFunctionCallArgumentError": ProviderNonsense,
    "google.UnsupportedFunctionError": ProviderNonsense,
    "google.FunctionInvocationError": ProviderNonsense,
    "google.ContinuationInterruptedError": ProviderBroken,
    "google.TransportError": ProviderUnreachable,  # google.auth
    "google.TimeoutError": ProviderTimeout,
    "google.ResponseError": ProviderNonsense,
    "google.GoogleAuthError": ProviderAuth,
    "langchain_google_genai.GoogleAuthenticationError": ProviderAuth,
    "langchain_google_genai.GooglePermissionDeniedError": ProviderAuth,
    "langchain_google_genai.GoogleRateLimitError": ProviderRateLimited,
    "langchain_google_genai.GoogleInvalidRequestError": ProviderRejected,
    "langchain_google_genai.GoogleModelNotFoundError": ProviderRejected,
    "langchain_google_genai.GoogleContextOverflowError": ProviderRejected,
    "langchain_google_genai.GoogleGenerativeAIError": ProviderRejected,
    "langchain_openai.OpenAIRefusalError": ProviderRejected,
    "langchain_core.ModelAuthenticationError": ProviderAuth,
    "langchain_core.ModelPermissionDeniedError": ProviderAuth,
    "langchain_core.ModelInvalidRequestError": ProviderRejected,
    "langchain_core.ModelNotFoundError": ProviderRejected,
    "langchain_core.ContextOverflowError": ProviderRejected,
    "langchain_core.ModelRateLimitError": ProviderRateLimited,
    "langchain_core.ModelConnectionError": ProviderUnreachable,
    "langchain_core.ModelTimeoutError": ProviderTimeout,
    "langchain_core.OutputParserException": ProviderNonsense,
    "langchain_core.LangChainException": ProviderBroken,
    "huggingface_hub.GatedRepoError": ProviderAuth,
    "huggingface_hub.LocalTokenNotFoundError": ProviderAuth,
    "huggingface_hub.OIDCError": ProviderAuth,
    "huggingface_hub.DeviceCodeError": ProviderAuth,
    "huggingface_hub.RepositoryNotFoundError": ProviderRejected,
    "huggingface_hub.RevisionNotFoundError": ProviderRejected,
    "huggingface_hub.RevisionResolutionError": ProviderRejected,
    "huggingface_hub.EntryNotFoundError": ProviderRejected,
    "huggingface_hub.HFValidationError": ProviderRejected,
    "huggingface_hub.HfUriError": ProviderRejected,
    "huggingface_hub.OfflineModeIsEnabled": ProviderUnreachable,
    "huggingface_hub.InferenceTimeoutError": ProviderTimeout,
    "huggingface_hub.InferenceEndpointTimeoutError": ProviderTimeout,
    "huggingface_hub.InferenceEndpointError": ProviderBroken,
    "huggingface_hub.TextGenerationError": ProviderBroken,
    "huggingface_hub.XetDownloadError": ProviderBroken,
    "huggingface_hub.FileMetadataError": ProviderNonsense,
    "huggingface_hub.SafetensorsParsingError": ProviderNonsense,
    "huggingface_hub.NotASafetensorsRepoError": ProviderNonsense,
    **{
        f"{package}.{name}": kind
        for package in ("httpcore", "httpcore2")
        for name, kind in {
            "ConnectTimeout": ProviderUnreachable,
            "PoolTimeout": ProviderUnreachable,
            "TimeoutException": ProviderTimeout,
            "NetworkError": ProviderUnreachable,
            "ProtocolError": ProviderUnreachable,
            "ProxyError": ProviderUnreachable,
            "ConnectionNotAvailable": ProviderUnreachable,
            "UnsupportedProtocol": ProviderRejected,
        }.items()
    },
    **{
        f"{package}.{name}": kind
        for package in ("httpx", "httpx2")
        for name, kind in {
            "ConnectTimeout": ProviderUnreachable,
            "PoolTimeout": ProviderUnreachable,
            "TimeoutException": ProviderTimeout,
            "DecodingError": ProviderNonsense,
            "SSEError": ProviderNonsense,
            "TransportError": ProviderUnreachable,
            "HTTPError": ProviderUnreachable,
            "StreamError": ProviderBroken,
            "InvalidURL": ProviderRejected,
            "CookieConflict": ProviderNonsense,
        }.items()
    },
    "json.JSONDecodeError": ProviderNonsense,
    "pydantic_core.ValidationError": ProviderNonsense,
}
