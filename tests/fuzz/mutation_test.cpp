#include "parsers.h"

#include "federation/received_pdu.h"

#include <boost/json/parse.hpp>

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr std::size_t longest_mutant = 4096;

std::vector<std::string> seeds_of(std::string_view parser) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(FUZZ_SEEDS) / parser)) {
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    std::vector<std::string> seeds;
    for (const std::filesystem::path& file : files) {
        std::ifstream stream(file, std::ios::binary);
        seeds.emplace_back(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>());
    }
    return seeds;
}

/// Changes bytes as one would who knows nothing of the form: the same changes in every run.
class Mutator {
public:
    explicit Mutator(const std::vector<std::string>& seeds) : seeds_(seeds) {}

    std::string next() {
        std::string bytes = seeds_[below(seeds_.size())];
        for (std::size_t left = 1 + below(4); left > 0; --left) change(bytes);
        if (bytes.size() > longest_mutant) bytes.resize(longest_mutant);
        return bytes;
    }

private:
    void change(std::string& bytes) {
        static constexpr std::string_view special = "{}[]\",:\\=%&?#/\0\x01\x7f\x80\xff-+.0e9";
        const std::size_t at = below(bytes.size() + 1);
        const std::size_t length = below(std::min<std::size_t>(16, bytes.size() - at) + 1);
        switch (below(6)) {
            case 0:
                bytes.insert(at, 1, special[below(special.size())]);
                break;
            case 1:
                bytes.erase(at, length);
                break;
            case 2:
                bytes.insert(at, bytes.substr(below(bytes.size() + 1), 16));
                break;
            case 3:
                if (at < bytes.size()) bytes[at] = static_cast<char>(below(256));
                break;
            case 4:
                if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ (1 << below(8)));
                break;
            default: {
                const std::string& other = seeds_[below(seeds_.size())];
                bytes = bytes.substr(0, at) + other.substr(below(other.size() + 1));
            }
        }
    }
    std::size_t below(std::size_t limit) { return static_cast<std::size_t>(random_() % limit); }

    const std::vector<std::string>& seeds_;
    std::mt19937_64 random_{1};
};

class ParserTest : public testing::TestWithParam<fuzz::Parser> {};

TEST_P(ParserTest, KeepsItsPromisesForItsSeedsAndTheirMutants) {
    const std::vector<std::string> seeds = seeds_of(GetParam().name);
    ASSERT_GE(seeds.size(), 2U);
    for (const std::string& seed : seeds) GetParam().read(seed);
    Mutator mutator(seeds);
    for (int index = 0; index < GetParam().mutants; ++index) GetParam().read(mutator.next());
}

INSTANTIATE_TEST_SUITE_P(Each, ParserTest, testing::ValuesIn(fuzz::parsers().begin(), fuzz::parsers().end()),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

TEST(ParserSeeds, AllEventsAmongItsSeedsAreTaken) {
    // Otherwise whatever is changed about them would stop at the first check.
    for (const std::string& seed : seeds_of("pdu")) {
        const homeserver::ReceivedPdu received =
            homeserver::check_pdu(boost::json::parse(seed).as_object(), &fuzz::keys_of_seeds(), "domain");
        EXPECT_EQ(received.refusal.value_or(""), "") << seed;
        EXPECT_FALSE(received.hash_is_wrong) << seed;
    }
}

}  // namespace
