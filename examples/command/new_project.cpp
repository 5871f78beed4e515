#include "command.h"
#include "installation.h"

#include <boost/algorithm/string/replace.hpp>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

namespace command {

namespace {

namespace filesystem = std::filesystem;

// What the templates' module is called.
constexpr std::string_view template_name = "forbidden_words";
constexpr std::string_view template_class = "ForbiddenWords";

/// Words of C++ and Python, each between blanks.
constexpr std::string_view keywords =
    " alignas alignof and and_eq as asm assert async auto await bitand bitor bool break case catch char char16_t "
    "char32_t char8_t class co_await co_return co_yield compl concept const const_cast consteval constexpr "
    "constinit continue decltype def default del delete do double dynamic_cast elif else enum except explicit "
    "export extern false finally float for friend from global goto if import in inline int is lambda long mutable "
    "namespace new noexcept none nonlocal not not_eq nullptr operator or or_eq pass private protected public raise "
    "register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct switch "
    "template this thread_local throw true try typedef typeid typename union unsigned using virtual void volatile "
    "wchar_t while with xor xor_eq yield ";
/// Names that a project has already: of its sources, of targets of every build, of what its test uses, of packages.
constexpr std::string_view taken_names =
    " all clean config help host install modapi_bridge module package std synapse test tests ";

bool is_snake_case(const std::string& name) {
    const auto is_allowed = [](unsigned char c) { return c == '_' || std::islower(c) != 0 || std::isdigit(c) != 0; };
    return !name.empty() && std::islower(static_cast<unsigned char>(name.front())) != 0 && name.back() != '_' &&
           name.find("__") == std::string::npos && std::all_of(name.begin(), name.end(), is_allowed);
}

void check_name(const std::string& name) {
    if (!is_snake_case(name)) {
        throw Failure("a module's name is in lower case, with _ between words, as in no_shouting: \"" + name + "\" isn't");
    }
    const auto is_among = [&](std::string_view names) { return names.find(" " + name + " ") != std::string_view::npos; };
    if (is_among(keywords)) throw Failure(name + " is a word of C++ or Python: take another name, as in " + name + "_checker");
    if (is_among(taken_names)) {
        throw Failure("a module's project has something else that is called " + name + ": take another name, as in " + name +
                      "_checker");
    }
}

std::string class_name_of(const std::string& name) {
    std::string camel_case;
    bool is_first = true;
    for (const char character : name) {
        if (character != '_')
            camel_case += is_first ? static_cast<char>(std::toupper(static_cast<unsigned char>(character))) : character;
        is_first = character == '_';
    }
    return camel_case;
}

/// Copies a template with the module's names in the place of its own, in contents and in the names of files. What was built
/// there, and the page that says how to copy it, stay behind.
void copy_project(const filesystem::path& from, const filesystem::path& to, const std::string& name) {
    const auto renamed = [&](std::string text) {
        boost::replace_all(text, template_class, class_name_of(name));
        boost::replace_all(text, template_name, name);
        return text;
    };
    for (auto entry = filesystem::recursive_directory_iterator(from); entry != filesystem::recursive_directory_iterator();
         ++entry) {
        const std::string file_name = entry->path().filename().string();
        if (file_name == "build" || file_name == "__pycache__" || file_name == "README.md") {
            entry.disable_recursion_pending();
            continue;
        }
        const filesystem::path copied = to / renamed(entry->path().lexically_relative(from).string());
        if (entry->is_directory()) {
            filesystem::create_directories(copied);
            continue;
        }
        std::ifstream source(entry->path(), std::ios::binary);
        std::ofstream target(copied, std::ios::binary);
        target << renamed({std::istreambuf_iterator<char>(source), std::istreambuf_iterator<char>()});
        if (!source || !target.flush()) throw Failure("can't write " + copied.string());
    }
}

/// What to do in the project, a line each.
std::string steps(const Installation& installed, const std::string& name, bool is_python) {
    const std::string modapi = installed.program();
    const std::string config = " --config homeserver.yaml\n";
    if (is_python) {
        return "PYTHONPATH=" + shell_word(installed.python_packages()) + " /usr/bin/python3 -m pytest\n" + modapi + " run" +
               config;
    }
    const std::string library = " build/modules/" + name + ".so";
    return "cmake -B build" + installed.cmake_option() + "\ncmake --build build\nctest --test-dir build --output-on-failure\n" +
           modapi + " check" + library + config + modapi + " run" + library + config;
}

void write_readme(const filesystem::path& folder, const std::string& name, const std::string& commands, bool is_python) {
    std::ofstream readme(folder / "README.md");
    readme << "# " << name << "\n\nThe module `" << name << '.' << class_name_of(name)
           << "` for homeservers that have modapi. It begins as a checker that refuses messages with a forbidden\nword; "
              "`homeserver.yaml` lists it for a server. In this folder:\n\n```sh\n"
           << commands << "```\n";
    if (!is_python) readme << "\nFor a server in earnest, configure with `-DCMAKE_BUILD_TYPE=Release` behind `-B build`.\n";
    if (!readme.flush()) throw Failure("can't write " + (folder / "README.md").string());
}

void add_options_of_new(boost::program_options::options_description& options) {
    options.add_options()("python", "a module in Python, not in C++")(
        "into", boost::program_options::value<std::string>()->value_name("FOLDER"),
        "make the project's folder in this one, not in the current one");
}

int make_project(const Arguments& given) {
    if (given.positional.size() != 1) throw Failure("new takes one name (modapi new --help says more)");
    const std::string& name = given.positional.front();
    check_name(name);
    const filesystem::path folder = given.value("into").value_or("") / filesystem::path(name);
    if (filesystem::exists(filesystem::symlink_status(folder))) throw Failure(folder.string() + " exists already");

    const Installation installed;
    const bool is_python = given.has("python");
    const filesystem::path from = is_python ? installed.python_template() : installed.module_template();
    const std::string commands = steps(installed, name, is_python);
    filesystem::create_directories(folder);
    try {
        copy_project(from, folder, name);
        write_readme(folder, name, commands, is_python);
    } catch (...) {
        filesystem::remove_all(folder);
        throw;
    }
    std::cout << "made " << folder.string() << ", with the class " << class_name_of(name) << ". Next:\n\ncd "
              << shell_word(folder) << '\n'
              << commands;
    return EXIT_SUCCESS;
}

}  // namespace

const Command new_command{"new", "NAME [--python] [--into FOLDER]",
                          "makes the project of a module, which builds and tests at once", &add_options_of_new, &make_project};

}  // namespace command
