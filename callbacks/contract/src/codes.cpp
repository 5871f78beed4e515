#include <callbacks/codes.h>

#include <array>
#include <utility>

namespace callbacks {

std::string_view errcode_of(Codes code) noexcept {
    // In the order of the enumeration; the test walks it.
    static constexpr std::array<std::string_view, static_cast<std::size_t>(Codes::AS_PING_CONNECTION_FAILED) + 1> texts = {
        "M_UNRECOGNIZED",
        "M_UNAUTHORIZED",
        "M_FORBIDDEN",
        "M_BAD_JSON",
        "M_NOT_JSON",
        "M_USER_IN_USE",
        "M_ROOM_IN_USE",
        "M_BAD_PAGINATION",
        "M_BAD_STATE",
        "M_UNKNOWN",
        "M_NOT_FOUND",
        "M_MISSING_TOKEN",
        "M_UNKNOWN_TOKEN",
        "M_GUEST_ACCESS_FORBIDDEN",
        "M_LIMIT_EXCEEDED",
        "M_CAPTCHA_NEEDED",
        "M_CAPTCHA_INVALID",
        "M_MISSING_PARAM",
        "M_INVALID_PARAM",
        "M_TOO_LARGE",
        "M_EXCLUSIVE",
        "M_THREEPID_AUTH_FAILED",
        "M_THREEPID_IN_USE",
        "M_THREEPID_NOT_FOUND",
        "M_THREEPID_DENIED",
        "M_INVALID_USERNAME",
        "M_SERVER_NOT_TRUSTED",
        "M_CONSENT_NOT_GIVEN",
        "M_CANNOT_LEAVE_SERVER_NOTICE_ROOM",
        "M_RESOURCE_LIMIT_EXCEEDED",
        "M_UNSUPPORTED_ROOM_VERSION",
        "M_INCOMPATIBLE_ROOM_VERSION",
        "M_WRONG_ROOM_KEYS_VERSION",
        "M_PASSWORD_TOO_SHORT",
        "M_PASSWORD_NO_DIGIT",
        "M_PASSWORD_NO_UPPERCASE",
        "M_PASSWORD_NO_LOWERCASE",
        "M_PASSWORD_NO_SYMBOL",
        "M_PASSWORD_IN_DICTIONARY",
        "M_WEAK_PASSWORD",
        "M_INVALID_SIGNATURE",
        "M_USER_DEACTIVATED",
        "M_NOT_YET_UPLOADED",
        "M_CANNOT_OVERWRITE_MEDIA",
        "M_BAD_ALIAS",
        "M_UNABLE_TO_GRANT_JOIN",
        "M_DUPLICATE_ANNOTATION",
        "ORG_MATRIX_EXPIRED_ACCOUNT",
        "ORG_MATRIX_MSC3939_USER_LOCKED",
        "ORG.MATRIX.MSC3823.USER_ACCOUNT_SUSPENDED",
        "ORG.MATRIX.MSC3848.ALREADY_JOINED",
        "ORG.MATRIX.MSC3848.NOT_JOINED",
        "ORG.MATRIX.MSC3848.INSUFFICIENT_POWER",
        "M_UNABLE_TO_AUTHORISE_JOIN",
        "FI.MAU.MSC2815_UNREDACTED_CONTENT_DELETED",
        "ORG.MATRIX.MSC3895_UNABLE_DUE_TO_PARTIAL_STATE",
        "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL",
        "M_URL_NOT_SET",
        "M_BAD_STATUS",
        "M_CONNECTION_TIMEOUT",
        "M_CONNECTION_FAILED",
    };
    return texts[static_cast<std::size_t>(code)];
}

}  // namespace callbacks
