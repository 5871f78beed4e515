#include <modapi/hosting/configuration.h>

#include <boost/json/serialize.hpp>

#include <iostream>
#include <string>

namespace {

/// Two hexadecimal digits stand for a byte.
std::string bytes_of(const std::string& digits) {
    std::string bytes;
    for (std::size_t at = 0; at + 1 < digits.size(); at += 2)
        bytes.push_back(static_cast<char>(std::stoi(digits.substr(at, 2), nullptr, 16)));
    return bytes;
}

}  // namespace

/// Reads a document in hexadecimal digits from each line, and answers each with a line: `value JSON` or `error MESSAGE`.
int main() {
    for (std::string line; std::getline(std::cin, line);) {
        try {
            const auto file = modapi::ConfigurationFile::parse(bytes_of(line), "hs.yaml");
            std::cout << "value " << boost::json::serialize(file.root()) << std::endl;
        } catch (const modapi::ConfigurationError& error) {
            std::cout << "error " << error.what() << std::endl;
        }
    }
}
