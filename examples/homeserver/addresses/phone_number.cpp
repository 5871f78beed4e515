#include "addresses/phone_number.h"

#include <callbacks/errors.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace homeserver {

namespace {

struct CallingCode {
    std::string_view code;       ///< ITU E.164
    std::string_view countries;  ///< ISO 3166, with blanks between
};

constexpr std::array calling_codes = {
    CallingCode{"1", "US CA AG AI AS BB BM BS DM DO GD GU JM KN KY LC MP MS PR SX TC TT VC VG VI"},
    CallingCode{"7", "RU KZ"},
    CallingCode{"20", "EG"},
    CallingCode{"27", "ZA"},
    CallingCode{"30", "GR"},
    CallingCode{"31", "NL"},
    CallingCode{"32", "BE"},
    CallingCode{"33", "FR"},
    CallingCode{"34", "ES"},
    CallingCode{"36", "HU"},
    CallingCode{"39", "IT VA"},
    CallingCode{"40", "RO"},
    CallingCode{"41", "CH"},
    CallingCode{"43", "AT"},
    CallingCode{"44", "GB GG IM JE"},
    CallingCode{"45", "DK"},
    CallingCode{"46", "SE"},
    CallingCode{"47", "NO SJ"},
    CallingCode{"48", "PL"},
    CallingCode{"49", "DE"},
    CallingCode{"51", "PE"},
    CallingCode{"52", "MX"},
    CallingCode{"53", "CU"},
    CallingCode{"54", "AR"},
    CallingCode{"55", "BR"},
    CallingCode{"56", "CL"},
    CallingCode{"57", "CO"},
    CallingCode{"58", "VE"},
    CallingCode{"60", "MY"},
    CallingCode{"61", "AU CC CX"},
    CallingCode{"62", "ID"},
    CallingCode{"63", "PH"},
    CallingCode{"64", "NZ"},
    CallingCode{"65", "SG"},
    CallingCode{"66", "TH"},
    CallingCode{"81", "JP"},
    CallingCode{"82", "KR"},
    CallingCode{"84", "VN"},
    CallingCode{"86", "CN"},
    CallingCode{"90", "TR"},
    CallingCode{"91", "IN"},
    CallingCode{"92", "PK"},
    CallingCode{"93", "AF"},
    CallingCode{"94", "LK"},
    CallingCode{"95", "MM"},
    CallingCode{"98", "IR"},
    CallingCode{"211", "SS"},
    CallingCode{"212", "MA EH"},
    CallingCode{"213", "DZ"},
    CallingCode{"216", "TN"},
    CallingCode{"218", "LY"},
    CallingCode{"220", "GM"},
    CallingCode{"221", "SN"},
    CallingCode{"222", "MR"},
    CallingCode{"223", "ML"},
    CallingCode{"224", "GN"},
    CallingCode{"225", "CI"},
    CallingCode{"226", "BF"},
    CallingCode{"227", "NE"},
    CallingCode{"228", "TG"},
    CallingCode{"229", "BJ"},
    CallingCode{"230", "MU"},
    CallingCode{"231", "LR"},
    CallingCode{"232", "SL"},
    CallingCode{"233", "GH"},
    CallingCode{"234", "NG"},
    CallingCode{"235", "TD"},
    CallingCode{"236", "CF"},
    CallingCode{"237", "CM"},
    CallingCode{"238", "CV"},
    CallingCode{"239", "ST"},
    CallingCode{"240", "GQ"},
    CallingCode{"241", "GA"},
    CallingCode{"242", "CG"},
    CallingCode{"243", "CD"},
    CallingCode{"244", "AO"},
    CallingCode{"245", "GW"},
    CallingCode{"248", "SC"},
    CallingCode{"249", "SD"},
    CallingCode{"250", "RW"},
    CallingCode{"251", "ET"},
    CallingCode{"252", "SO"},
    CallingCode{"253", "DJ"},
    CallingCode{"254", "KE"},
    CallingCode{"255", "TZ"},
    CallingCode{"256", "UG"},
    CallingCode{"257", "BI"},
    CallingCode{"258", "MZ"},
    CallingCode{"260", "ZM"},
    CallingCode{"261", "MG"},
    CallingCode{"262", "RE YT"},
    CallingCode{"263", "ZW"},
    CallingCode{"264", "NA"},
    CallingCode{"265", "MW"},
    CallingCode{"266", "LS"},
    CallingCode{"267", "BW"},
    CallingCode{"268", "SZ"},
    CallingCode{"269", "KM"},
    CallingCode{"291", "ER"},
    CallingCode{"297", "AW"},
    CallingCode{"298", "FO"},
    CallingCode{"299", "GL"},
    CallingCode{"350", "GI"},
    CallingCode{"351", "PT"},
    CallingCode{"352", "LU"},
    CallingCode{"353", "IE"},
    CallingCode{"354", "IS"},
    CallingCode{"355", "AL"},
    CallingCode{"356", "MT"},
    CallingCode{"357", "CY"},
    CallingCode{"358", "FI AX"},
    CallingCode{"359", "BG"},
    CallingCode{"370", "LT"},
    CallingCode{"371", "LV"},
    CallingCode{"372", "EE"},
    CallingCode{"373", "MD"},
    CallingCode{"374", "AM"},
    CallingCode{"375", "BY"},
    CallingCode{"376", "AD"},
    CallingCode{"377", "MC"},
    CallingCode{"378", "SM"},
    CallingCode{"380", "UA"},
    CallingCode{"381", "RS"},
    CallingCode{"382", "ME"},
    CallingCode{"385", "HR"},
    CallingCode{"386", "SI"},
    CallingCode{"387", "BA"},
    CallingCode{"389", "MK"},
    CallingCode{"420", "CZ"},
    CallingCode{"421", "SK"},
    CallingCode{"423", "LI"},
    CallingCode{"501", "BZ"},
    CallingCode{"502", "GT"},
    CallingCode{"503", "SV"},
    CallingCode{"504", "HN"},
    CallingCode{"505", "NI"},
    CallingCode{"506", "CR"},
    CallingCode{"507", "PA"},
    CallingCode{"509", "HT"},
    CallingCode{"590", "GP BL MF"},
    CallingCode{"591", "BO"},
    CallingCode{"592", "GY"},
    CallingCode{"593", "EC"},
    CallingCode{"594", "GF"},
    CallingCode{"595", "PY"},
    CallingCode{"596", "MQ"},
    CallingCode{"597", "SR"},
    CallingCode{"598", "UY"},
    CallingCode{"599", "CW BQ"},
    CallingCode{"673", "BN"},
    CallingCode{"675", "PG"},
    CallingCode{"679", "FJ"},
    CallingCode{"687", "NC"},
    CallingCode{"689", "PF"},
    CallingCode{"850", "KP"},
    CallingCode{"852", "HK"},
    CallingCode{"853", "MO"},
    CallingCode{"855", "KH"},
    CallingCode{"856", "LA"},
    CallingCode{"880", "BD"},
    CallingCode{"886", "TW"},
    CallingCode{"960", "MV"},
    CallingCode{"961", "LB"},
    CallingCode{"962", "JO"},
    CallingCode{"963", "SY"},
    CallingCode{"964", "IQ"},
    CallingCode{"965", "KW"},
    CallingCode{"966", "SA"},
    CallingCode{"967", "YE"},
    CallingCode{"968", "OM"},
    CallingCode{"970", "PS"},
    CallingCode{"971", "AE"},
    CallingCode{"972", "IL"},
    CallingCode{"973", "BH"},
    CallingCode{"974", "QA"},
    CallingCode{"975", "BT"},
    CallingCode{"976", "MN"},
    CallingCode{"977", "NP"},
    CallingCode{"992", "TJ"},
    CallingCode{"993", "TM"},
    CallingCode{"994", "AZ"},
    CallingCode{"995", "GE"},
    CallingCode{"996", "KG"},
    CallingCode{"998", "UZ"},
};

/// What is dialled before a number inside a country and isn't part of it.
std::string_view trunk_prefix(std::string_view calling_code) {
    if (calling_code == "1") return "1";
    if (calling_code == "7" || calling_code == "375" || calling_code == "993") return "8";
    if (calling_code == "36") return "06";
    if (calling_code == "39" || calling_code == "378") return "";  // there a zero is part of the number
    return "0";
}

[[noreturn]] void refuse() { throw callbacks::SynapseError(400, "Unable to parse phone number"); }

std::string_view calling_code_of(std::string_view country) {
    constexpr std::size_t letters = 2;
    const bool is_code = country.size() == letters && std::all_of(country.begin(), country.end(), [](unsigned char letter) {
                             return std::isalpha(letter) != 0;
                         });
    if (!is_code) refuse();
    const std::array<char, letters> capitals = {static_cast<char>(std::toupper(static_cast<unsigned char>(country[0]))),
                                                static_cast<char>(std::toupper(static_cast<unsigned char>(country[1])))};
    for (const CallingCode& entry : calling_codes) {
        if (entry.countries.find(std::string_view(capitals.data(), letters)) != std::string_view::npos) return entry.code;
    }
    refuse();
}

/// The digits; what people write between them is left out, anything else is refused.
std::string digits_of(std::string_view number) {
    std::string digits;
    for (const char character : number) {
        if (character >= '0' && character <= '9') {
            digits += character;
        } else if (std::string_view(" -./()").find(character) == std::string_view::npos) {
            refuse();
        }
    }
    return digits;
}

}  // namespace

std::string canonical_phone(std::string_view country, std::string_view number) {
    while (number.starts_with(' ')) number.remove_prefix(1);
    const bool has_plus = number.starts_with('+');
    if (has_plus) number.remove_prefix(1);
    std::string digits = digits_of(number);
    if (!has_plus && digits.starts_with("00")) {
        digits.erase(0, 2);
    } else if (!has_plus) {
        const std::string_view code = calling_code_of(country);
        const std::string_view trunk = trunk_prefix(code);
        if (!trunk.empty() && digits.starts_with(trunk)) digits.erase(0, trunk.size());
        digits.insert(0, code);
    }
    constexpr std::size_t fewest = 7;
    constexpr std::size_t max_count = 15;
    if (digits.size() < fewest || digits.size() > max_count || digits.front() == '0') refuse();
    return digits;
}

}  // namespace homeserver
