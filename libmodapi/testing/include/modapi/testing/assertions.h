#pragma once

#include <modapi/testing/answer.h>
#include <modapi/testing/json.h>

#include <callbacks/verdict.h>

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

/// Assertions for GoogleTest that say which callback answered what:
///
///     EXPECT_TRUE(is_spam(host.call(host.hooks().spam_checker.user_may_invite, inviter, invitee, room), "M_FORBIDDEN"));
///     -> user_may_invite answered NOT_SPAM, not M_FORBIDDEN
namespace modapi::testing {

namespace detail {

inline ::testing::AssertionResult unlike(const std::string& callback, const std::string& answered,
                                         const std::string& expected) {
    return ::testing::AssertionFailure() << callback << " answered " << answered << ", not " << expected;
}
template <class T>
::testing::AssertionResult thrown(const Answer<T>& answer, const std::string& expected) {
    return ::testing::AssertionFailure() << answer.callback() << " threw \"" << answer.error_text()
                                         << "\" instead of answering " << expected;
}
inline std::string text_of(const callbacks::Verdict& verdict) {
    return verdict.is_spam() ? std::string(verdict.errcode()) : std::string("NOT_SPAM");
}

}  // namespace detail

/// Whether the answer is NOT_SPAM; a failure says what it is.
[[nodiscard]] inline ::testing::AssertionResult is_not_spam(const Answer<callbacks::Verdict>& answer) {
    if (answer.failed()) return detail::thrown(answer, "NOT_SPAM");
    if (!answer.value().is_spam()) return ::testing::AssertionSuccess();
    return detail::unlike(answer.callback(), detail::text_of(answer.value()), "NOT_SPAM");
}

/// Rejected with this errcode.
[[nodiscard]] inline ::testing::AssertionResult is_spam(const Answer<callbacks::Verdict>& answer, const std::string& errcode) {
    if (answer.failed()) return detail::thrown(answer, errcode);
    if (answer.value().is_spam() && answer.value().errcode() == errcode) return ::testing::AssertionSuccess();
    return detail::unlike(answer.callback(), detail::text_of(answer.value()), errcode);
}

/// Answered with a value that equals `expected`.
template <class T, class Expected>
[[nodiscard]] ::testing::AssertionResult answers(const Answer<T>& answer, const Expected& expected) {
    if (answer.failed()) return detail::thrown(answer, ::testing::PrintToString(expected));
    if (answer.value() == expected) return ::testing::AssertionSuccess();
    return detail::unlike(answer.callback(), ::testing::PrintToString(answer.value()), ::testing::PrintToString(expected));
}

/// JSON that is like that text, whatever the order of keys and the blanks; else it says where the first difference is. Errors:
/// std::invalid_argument for a text that is no JSON.
[[nodiscard]] inline ::testing::AssertionResult is_json(const callbacks::JsonValue& value, std::string_view expected) {
    const std::optional<std::string> difference = json_difference(value, json(expected));
    if (!difference) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << *difference;
}

/// Failed with an exception whose message has `part` in it.
template <class T>
[[nodiscard]] ::testing::AssertionResult throws(const Answer<T>& answer, const std::string& part) {
    if (!answer.failed()) return ::testing::AssertionFailure() << answer.callback() << " answered instead of throwing";
    if (answer.error_text().find(part) != std::string::npos) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << answer.callback() << " threw \"" << answer.error_text() << "\", not one with \""
                                         << part << '"';
}

}  // namespace modapi::testing
