# cmake -DNAMES=<file> "-DFOLDERS=<folder>;..." -DSOURCE=<file> -DDEPENDENCIES=<file> -P headers_mark.cmake
#
# Writes a source that marks the library it becomes part of with the framework's headers that the library is built against: a hash of
# their names and contents. NAMES lists them, one to a line; each is the one that a compiler with these FOLDERS finds. DEPENDENCIES gets
# what the hash was made from, as a compiler would tell it.
cmake_minimum_required(VERSION 3.25)
file(STRINGS "${NAMES}" names ENCODING UTF-8)
list(REMOVE_DUPLICATES FOLDERS)
set(together "")
set(read "${NAMES}")
foreach(name IN LISTS names)
    set(content "is nowhere")
    foreach(folder IN LISTS FOLDERS)
        if(EXISTS "${folder}/${name}")
            file(SHA256 "${folder}/${name}" content)
            list(APPEND read "${folder}/${name}")
            break()
        endif()
    endforeach()
    string(APPEND together "${name} ${content}\n")
endforeach()
string(SHA256 mark "${together}")
string(SUBSTRING "${mark}" 0 16 mark)

set(source [[
// Made by modapi_mark_headers. Written anew only when the mark changes, so that nothing else is built for it.
extern "C" {
// Hidden: who reads it by name gets that of the own library.
__attribute__((visibility("hidden"))) extern const char modapi_headers_mark[];
__attribute__((section(".modapi_headers"), used, retain)) const char modapi_headers_mark[] = "@mark@";
}
]])
string(CONFIGURE "${source}" source @ONLY)
set(before "")
if(EXISTS "${SOURCE}")
    file(READ "${SOURCE}" before)
endif()
if(NOT before STREQUAL source)
    file(WRITE "${SOURCE}" "${source}")
endif()

list(TRANSFORM read REPLACE "([ #])" "\\\\\\1")
list(JOIN read " \\\n  " read)
string(REPLACE " " "\\ " written "${SOURCE}")
file(WRITE "${DEPENDENCIES}" "${written}: ${read}\n")
