#include "module_border.h"

#include <callbacks/module_exception.h>

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <typeinfo>
#include <utility>

namespace modapi {

namespace {

/// What a class may be made of that is one class in every library, beside numbers.
constexpr std::array<std::string_view, 7> shared_namespaces = {
    "std::", "boost::", "async::", "callbacks::", "modapi::", "__gnu_cxx::", "__cxxabiv1::"};
constexpr std::array<std::string_view, 17> words_of_the_language = {
    "abi",   "bool", "char", "char8_t", "char16_t", "char32_t", "const", "cxx11",  "double",
    "float", "int",  "long", "short",   "signed",   "unsigned", "void",  "wchar_t"};

bool is_shared_name(std::string_view name) {
    if (std::isdigit(static_cast<unsigned char>(name.front())) != 0) return true;
    if (std::find(words_of_the_language.begin(), words_of_the_language.end(), name) != words_of_the_language.end()) return true;
    return std::any_of(shared_namespaces.begin(), shared_namespaces.end(),
                       [&](std::string_view shared) { return name.starts_with(shared); });
}

bool is_part_of_a_name(char character) {
    return character == '_' || character == ':' || std::isalnum(static_cast<unsigned char>(character)) != 0;
}

/// Whether everything in a type's name, the arguments of templates too, is of the language or of a namespace that all share.
bool is_shared(const std::type_info& type) {
    int status = 0;
    const std::unique_ptr<char, decltype(&std::free)> readable(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status),
                                                               &std::free);
    if (status != 0) return false;
    const std::string_view text(readable.get());
    for (auto at = text.begin(); at != text.end();) {
        const auto first = std::find_if(at, text.end(), &is_part_of_a_name);
        at = std::find_if_not(first, text.end(), &is_part_of_a_name);
        if (first != at && !is_shared_name(std::string_view(first, at))) return false;
    }
    return true;
}

/// Of the exception that is being handled, which is one of C++.
const std::type_info& current_type() { return *abi::__cxa_current_exception_type(); }

}  // namespace

void ModuleBorder::add(const ConfiguredModule& module) {
    if (module.library.empty()) return;
    // What a loader has made is on the heap, and throws nothing that the host's program doesn't.
    const void* const library = callbacks::library_of(module.definition.get());
    if (library != nullptr) libraries_.insert(library);
}

std::exception_ptr ModuleBorder::outside(const async::callback_identity& callback, std::exception_ptr failure) noexcept {
    if (libraries_.empty()) return failure;
    try {
        const void* library = nullptr;
        const auto is_modules_own = [&] {
            library = callbacks::library_of(&current_type());
            return libraries_.contains(library) && !is_shared(current_type());
        };
        const std::string by(callback.callback);
        try {
            std::rethrow_exception(failure);
        } catch (const callbacks::SynapseError& answer) {
            if (!is_modules_own()) return failure;
            return std::make_exception_ptr(callbacks::ModuleCallbackAnswer(answer, callback.module, by, failure, library));
        } catch (...) {
            if (!is_modules_own()) return failure;
            return std::make_exception_ptr(callbacks::ModuleCallbackFailed(callback.module, by, failure, library));
        }
    } catch (...) {
        return std::current_exception();  // there is no memory
    }
}

}  // namespace modapi
