#include "elf_file.h"

#include <elf.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace modapi {

namespace {

#if defined(__x86_64__)
constexpr std::uint16_t this_machine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t this_machine = EM_AARCH64;
#elif defined(__riscv)
constexpr std::uint16_t this_machine = EM_RISCV;
#else
#error "say which ELF machine this processor is"
#endif

/// Larger sections than this aren't read: none that a module library needs comes near.
constexpr std::uint64_t max_section_size = std::uint64_t{256} * 1024 * 1024;

}  // namespace

template <class T>
T ElfFile::read(std::uint64_t offset) {
    const std::string raw = bytes(offset, sizeof(T));
    T value;
    std::memcpy(&value, raw.data(), sizeof(T));
    return value;
}

std::string ElfFile::bytes(std::uint64_t offset, std::uint64_t size) {
    if (offset > size_ || size > size_ - offset) throw ElfError("is truncated or damaged");
    if (size > max_section_size) throw ElfError("has a section that is too large");
    std::string raw(size, '\0');
    input_.clear();
    input_.seekg(static_cast<std::streamoff>(offset));
    input_.read(raw.data(), static_cast<std::streamsize>(size));
    if (static_cast<std::uint64_t>(input_.gcount()) != size) throw ElfError("can't be read to its end");
    return raw;
}

ElfFile::ElfFile(const std::filesystem::path& file) : input_(file, std::ios::binary | std::ios::ate) {
    if (!input_) throw ElfError(std::string("can't be read: ") + std::strerror(errno));
    size_ = static_cast<std::uint64_t>(input_.tellg());
    if (size_ < SELFMAG || bytes(0, SELFMAG) != ELFMAG) throw ElfError("is not a shared library");
    const auto header = read<Elf64_Ehdr>(0);
    if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_machine != this_machine) {
        throw ElfError("is built for another kind of machine");
    }
    if (header.e_type != ET_DYN) throw ElfError("is not a shared library");
    if (header.e_shnum == 0) return;
    if (header.e_shentsize != sizeof(Elf64_Shdr) || header.e_shstrndx >= header.e_shnum)
        throw ElfError("is truncated or damaged");
    std::vector<std::uint32_t> names;
    for (std::uint16_t index = 0; index < header.e_shnum; ++index) {
        const auto entry = read<Elf64_Shdr>(header.e_shoff + std::uint64_t{index} * sizeof(Elf64_Shdr));
        names.push_back(entry.sh_name);
        sections_.push_back({std::string(), entry.sh_type, entry.sh_link, entry.sh_offset, entry.sh_size});
    }
    const std::string name_table = contents(sections_[header.e_shstrndx]);
    for (std::size_t index = 0; index < sections_.size(); ++index) sections_[index].name = string_at(name_table, names[index]);
}

std::string ElfFile::contents(const Section& section) {
    return section.type == SHT_NOBITS ? std::string() : bytes(section.offset, section.size);
}

const ElfFile::Section* ElfFile::of_type(std::uint32_t type) const {
    for (const Section& section : sections_) {
        if (section.type == type) return &section;
    }
    return nullptr;
}

std::string ElfFile::linked_strings(const Section& section) {
    if (section.link >= sections_.size()) throw ElfError("is truncated or damaged");
    return contents(sections_[section.link]);
}

std::string ElfFile::string_at(const std::string& table, std::uint64_t offset) {
    if (offset >= table.size()) throw ElfError("is truncated or damaged");
    const std::size_t end = table.find('\0', offset);
    if (end == std::string::npos) throw ElfError("is truncated or damaged");
    return table.substr(offset, end - offset);
}

std::optional<std::string> ElfFile::section(std::string_view name) {
    for (const Section& candidate : sections_) {
        if (candidate.name == name) return contents(candidate);
    }
    return std::nullopt;
}

std::vector<std::string> ElfFile::needed() {
    std::vector<std::string> libraries;
    const Section* const dynamic = of_type(SHT_DYNAMIC);
    if (dynamic == nullptr) return libraries;
    const std::string strings = linked_strings(*dynamic);
    const std::string raw = contents(*dynamic);
    for (std::size_t at = 0; at + sizeof(Elf64_Dyn) <= raw.size(); at += sizeof(Elf64_Dyn)) {
        Elf64_Dyn entry;
        std::memcpy(&entry, raw.data() + at, sizeof(entry));
        if (entry.d_tag == DT_NULL) break;
        if (entry.d_tag == DT_NEEDED) libraries.push_back(string_at(strings, entry.d_un.d_val));
    }
    return libraries;
}

template <class Visit>
void ElfFile::each_exported(const Visit& visit) {
    const Section* const table = of_type(SHT_DYNSYM);
    if (table == nullptr) return;
    const std::string strings = linked_strings(*table);
    const std::string raw = contents(*table);
    for (std::size_t at = 0; at + sizeof(Elf64_Sym) <= raw.size(); at += sizeof(Elf64_Sym)) {
        Elf64_Sym symbol;
        std::memcpy(&symbol, raw.data() + at, sizeof(symbol));
        const unsigned visibility = ELF64_ST_VISIBILITY(symbol.st_other);
        if (symbol.st_shndx == SHN_UNDEF || ELF64_ST_BIND(symbol.st_info) == STB_LOCAL) continue;
        if (visibility != STV_DEFAULT && visibility != STV_PROTECTED) continue;
        visit(symbol, strings);
    }
}

std::vector<std::string> ElfFile::exported() {
    std::vector<std::string> names;
    each_exported(
        [&](const Elf64_Sym& symbol, const std::string& strings) { names.push_back(string_at(strings, symbol.st_name)); });
    return names;
}

bool ElfFile::has_unique_symbols() {
    bool has_some = false;
    each_exported([&](const Elf64_Sym& symbol, const std::string&) {
        has_some = has_some || ELF64_ST_BIND(symbol.st_info) == STB_GNU_UNIQUE;
    });
    return has_some;
}

}  // namespace modapi
