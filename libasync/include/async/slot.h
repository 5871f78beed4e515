#pragma once

#include <async/hook.h>
#include <async/name.h>

#include <initializer_list>
#include <utility>
#include <vector>

namespace async {

/// What a declared callback looks like to a module: a place to put one callable, empty if left out.
///
/// Accepts a plain function or a coroutine with the declared signature; another answer type is a compile error that says so.
/// A lambda with captures is fine here, also one that is a coroutine: the registration keeps it.
template <name Name, class Signature, class Combine, class Errors, class Key = void>
class slot : public owned_hook<Signature> {
public:
    using signature = Signature;
    static constexpr std::string_view callback_name = Name.view();

    using owned_hook<Signature>::owned_hook;
};

/// The same for a callback that is registered per key (auth_checkers): a list of key and callable.
template <name Name, class Signature, class Combine, class Errors, class Key>
requires(!std::is_void_v<Key>) class slot<Name, Signature, Combine, Errors, Key> {
public:
    using signature = Signature;
    using one = slot<Name, Signature, Combine, Errors>;
    static constexpr std::string_view callback_name = Name.view();

    slot() noexcept = default;
    slot(std::initializer_list<std::pair<Key, one>> given) : entries_(given) {}
    explicit slot(std::vector<std::pair<Key, one>> given) : entries_(std::move(given)) {}

    explicit operator bool() const noexcept { return !entries_.empty(); }
    [[nodiscard]] const std::vector<std::pair<Key, one>>& entries() const noexcept { return entries_; }

private:
    std::vector<std::pair<Key, one>> entries_;
};

}  // namespace async
