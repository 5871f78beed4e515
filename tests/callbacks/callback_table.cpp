#include <callbacks/dispatchers.h>

#include <cstdint>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

/// Prints what the declarations say of each callback, a line each, its parts apart by tabs: category, name, signature in the
/// contract's words, how answers combine, what an exception does, whether its decisions are routine, what an
/// operator may say of it that not every callback can have, and since which version of the contract it exists and its last argument.
namespace {

/// A type as the contract names it. A type that is new in a declaration needs a word here.
template <class T>
struct Word;

template <class T>
std::string word_of() {
    return Word<std::remove_cvref_t<T>>::text();
}

#define CONTRACT_WORD(Type, word)                  \
    template <>                                    \
    struct Word<Type> {                            \
        static std::string text() { return word; } \
    }
CONTRACT_WORD(void, "None");
CONTRACT_WORD(bool, "bool");
CONTRACT_WORD(int, "int");
CONTRACT_WORD(std::int64_t, "int");
CONTRACT_WORD(std::string, "str");
CONTRACT_WORD(async::context_manager<int>, "AsyncContextManager[int]");
CONTRACT_WORD(callbacks::AuthResult, "Tuple[str, Callable]");
CONTRACT_WORD(callbacks::Event, "EventBase");
CONTRACT_WORD(callbacks::EventDecision, "Tuple[bool, Optional[dict]]");
CONTRACT_WORD(callbacks::EventVerdict, "Union[NOT_SPAM, Codes, str, bool]");
CONTRACT_WORD(callbacks::FileInfo, "FileInfo");
CONTRACT_WORD(callbacks::InterestedUsers, "Union[Set[str], PRESENCE_ALL_USERS]");
CONTRACT_WORD(callbacks::JsonDict, "JsonDict");
CONTRACT_WORD(callbacks::MediaUploadLimit, "MediaUploadLimit");
CONTRACT_WORD(callbacks::MediaVerdict, "Union[NOT_SPAM, Codes, bool]");
CONTRACT_WORD(callbacks::ProfileInfo, "ProfileInfo");
CONTRACT_WORD(callbacks::RatelimitOverride, "RatelimitOverride");
CONTRACT_WORD(callbacks::ReadableFileWrapper, "ReadableFileWrapper");
CONTRACT_WORD(callbacks::RegistrationBehaviour, "RegistrationBehaviour");
CONTRACT_WORD(callbacks::Requester, "Requester");
CONTRACT_WORD(callbacks::RoomAlias, "RoomAlias");
CONTRACT_WORD(callbacks::StateEventVerdict, "Union[NOT_SPAM, Codes]");
CONTRACT_WORD(callbacks::StateMap, "StateMap");
CONTRACT_WORD(callbacks::UnsignedAnswer, "JsonDict");
CONTRACT_WORD(callbacks::UserPresenceState, "UserPresenceState");
CONTRACT_WORD(callbacks::UserProfile, "UserProfile");
CONTRACT_WORD(callbacks::UsersForStates, "Dict[str, Set[UserPresenceState]]");
CONTRACT_WORD(callbacks::Verdict, "Union[NOT_SPAM, Codes]");
#undef CONTRACT_WORD

template <class T>
struct Word<std::optional<T>> {
    static std::string text() { return "Optional[" + word_of<T>() + "]"; }
};
template <class T>
struct Word<std::vector<T>> {
    static std::string text() { return "List[" + word_of<T>() + "]"; }
};
template <class First, class Second>
struct Word<std::pair<First, Second>> {
    static std::string text() { return "Tuple[" + word_of<First>() + ", " + word_of<Second>() + "]"; }
};

template <class Signature>
struct Words;
template <class R, class... Parameters>
struct Words<R(Parameters...)> {
    static std::string text() {
        std::string words;
        ((words += words.empty() ? word_of<Parameters>() : ", " + word_of<Parameters>()), ...);
        return "(" + words + ") -> " + word_of<R>();
    }
};

std::string later_argument(const callbacks::LaterArgument& later) {
    return later.version.empty() ? std::string() : std::to_string(later.position + 1) + " " + std::string(later.version);
}

}  // namespace

int main() {
    callbacks::Dispatchers dispatchers;
    auto description = callbacks::callback_descriptions().begin();
    callbacks::each_callback(dispatchers, [&]<class Callback>(Callback&, std::string_view) {
        std::cout << description->category << '\t' << description->name << '\t'
                  << Words<typename Callback::slot_type::signature>::text() << '\t' << description->combine_rule << '\t'
                  << description->error_rule << '\t' << (description->is_routine ? "routine" : "") << '\t'
                  << (description->can_reject ? "reject " : "") << (description->can_be_put_off ? "tempfail " : "")
                  << (description->can_be_shared ? "share " : "") << (description->can_be_shadowed ? "shadow" : "") << '\t'
                  << description->since << '\t' << later_argument(description->later_argument) << '\n';
        ++description;
    });
}
