#pragma once

#include <callbacks/auth_result.h>
#include <callbacks/event.h>
#include <callbacks/event_decision.h>
#include <callbacks/identifiers.h>
#include <callbacks/json.h>
#include <callbacks/media.h>
#include <callbacks/presence.h>
#include <callbacks/ratelimit_override.h>
#include <callbacks/unsigned.h>
#include <callbacks/users.h>
#include <callbacks/verdict.h>

#include <async/context_manager.h>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace callbacks {

/// A type of a declaration as the contract names it, for people: `Optional[str]`, `EventBase`. A reference counts as what it
/// refers to. Does not compile for a type that is in no declaration.
template <class T>
[[nodiscard]] std::string contract_word();

namespace detail {

/// A type that is new in a declaration needs a word here.
template <class T>
struct ContractWord;

#define MODAPI_CONTRACT_WORD(Type, word)           \
    template <>                                    \
    struct ContractWord<Type> {                    \
        static std::string text() { return word; } \
    }
MODAPI_CONTRACT_WORD(void, "None");
MODAPI_CONTRACT_WORD(bool, "bool");
MODAPI_CONTRACT_WORD(int, "int");
MODAPI_CONTRACT_WORD(std::int64_t, "int");
MODAPI_CONTRACT_WORD(std::string, "str");
MODAPI_CONTRACT_WORD(async::context_manager<int>, "AsyncContextManager[int]");
MODAPI_CONTRACT_WORD(AuthResult, "Tuple[str, Callable]");
MODAPI_CONTRACT_WORD(Event, "EventBase");
MODAPI_CONTRACT_WORD(EventDecision, "Tuple[bool, Optional[dict]]");
MODAPI_CONTRACT_WORD(EventVerdict, "Union[NOT_SPAM, Codes, str, bool]");
MODAPI_CONTRACT_WORD(FileInfo, "FileInfo");
MODAPI_CONTRACT_WORD(InterestedUsers, "Union[Set[str], PRESENCE_ALL_USERS]");
MODAPI_CONTRACT_WORD(JsonDict, "JsonDict");
MODAPI_CONTRACT_WORD(MediaUploadLimit, "MediaUploadLimit");
MODAPI_CONTRACT_WORD(MediaVerdict, "Union[NOT_SPAM, Codes, bool]");
MODAPI_CONTRACT_WORD(ProfileInfo, "ProfileInfo");
MODAPI_CONTRACT_WORD(RatelimitOverride, "RatelimitOverride");
MODAPI_CONTRACT_WORD(ReadableFileWrapper, "ReadableFileWrapper");
MODAPI_CONTRACT_WORD(RegistrationBehaviour, "RegistrationBehaviour");
MODAPI_CONTRACT_WORD(Requester, "Requester");
MODAPI_CONTRACT_WORD(RoomAlias, "RoomAlias");
MODAPI_CONTRACT_WORD(StateEventVerdict, "Union[NOT_SPAM, Codes]");
MODAPI_CONTRACT_WORD(StateMap, "StateMap");
MODAPI_CONTRACT_WORD(UnsignedAnswer, "JsonDict");
MODAPI_CONTRACT_WORD(UserPresenceState, "UserPresenceState");
MODAPI_CONTRACT_WORD(UserProfile, "UserProfile");
MODAPI_CONTRACT_WORD(UsersForStates, "Dict[str, Set[UserPresenceState]]");
MODAPI_CONTRACT_WORD(Verdict, "Union[NOT_SPAM, Codes]");
#undef MODAPI_CONTRACT_WORD

template <class T>
struct ContractWord<std::optional<T>> {
    static std::string text() { return "Optional[" + contract_word<T>() + "]"; }
};
template <class T>
struct ContractWord<std::vector<T>> {
    static std::string text() { return "List[" + contract_word<T>() + "]"; }
};
template <class First, class Second>
struct ContractWord<std::pair<First, Second>> {
    static std::string text() { return "Tuple[" + contract_word<First>() + ", " + contract_word<Second>() + "]"; }
};

template <class Signature>
struct SignatureWords;
template <class R, class... Parameters>
struct SignatureWords<R(Parameters...)> {
    static std::string text() {
        std::string words;
        ((words += words.empty() ? contract_word<Parameters>() : ", " + contract_word<Parameters>()), ...);
        return "(" + words + ") -> " + contract_word<R>();
    }
};

}  // namespace detail

template <class T>
std::string contract_word() {
    return detail::ContractWord<std::remove_cvref_t<T>>::text();
}

/// A declared signature in these words: `(str, bool) -> Union[NOT_SPAM, Codes]`.
template <class Signature>
[[nodiscard]] std::string contract_signature() {
    return detail::SignatureWords<Signature>::text();
}

}  // namespace callbacks
