#include <callbacks/contract_words.h>
#include <callbacks/dispatchers.h>

#include <iostream>
#include <string>
#include <string_view>

/// Prints what the declarations say of each callback, a line each, its parts apart by tabs: category, name, signature in the
/// contract's words, how answers combine, what an exception does, whether its decisions are routine, what an
/// operator may say of it that not every callback can have, and since which version of the contract it exists and its last argument.
namespace {

std::string later_argument(const callbacks::LaterArgument& later) {
    return later.version.empty() ? std::string() : std::to_string(later.position + 1) + " " + std::string(later.version);
}

}  // namespace

int main() {
    callbacks::Dispatchers dispatchers;
    auto description = callbacks::callback_descriptions().begin();
    callbacks::each_callback(dispatchers, [&]<class Callback>(Callback&, std::string_view) {
        std::cout << description->category << '\t' << description->name << '\t'
                  << callbacks::contract_signature<typename Callback::slot_type::signature>() << '\t'
                  << description->combine_rule << '\t' << description->error_rule << '\t' << (description->is_routine ? "routine" : "") << '\t'
                  << (description->can_reject ? "reject " : "") << (description->can_be_put_off ? "tempfail " : "")
                  << (description->can_be_shared ? "share " : "") << (description->can_be_shadowed ? "shadow" : "") << '\t'
                  << description->since << '\t' << later_argument(description->later_argument) << '\n';
        ++description;
    });
}
