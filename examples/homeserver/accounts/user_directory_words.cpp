#include "accounts/user_directory_words.h"

#include <modapi/case_folding.h>

#include <callbacks/users.h>

#include <cctype>
#include <utility>

namespace homeserver {

std::vector<std::string> directory_words_of(const std::string& text) {
    std::vector<std::string> words;
    std::string word;
    for (const char character : modapi::without_case(text)) {
        const auto byte = static_cast<unsigned char>(character);
        if (std::isalnum(byte) != 0 || byte >= 0x80) {
            word += character;
        } else if (!word.empty()) {
            words.push_back(std::move(word));
            word.clear();
        }
    }
    if (!word.empty()) words.push_back(std::move(word));
    return words;
}

void write_directory_words(modapi::Transaction& transaction, const std::string& user_id,
                           const std::optional<std::string>& display_name) {
    transaction.execute("DELETE FROM user_directory_words WHERE user_id = ?", user_id);
    const std::string localpart(callbacks::localpart_of(user_id));
    for (const std::string& word : directory_words_of(localpart + " " + display_name.value_or(std::string()))) {
        transaction.execute("INSERT INTO user_directory_words (user_id, word) VALUES (?, ?) ON CONFLICT DO NOTHING", user_id,
                            word);
    }
}

}  // namespace homeserver
