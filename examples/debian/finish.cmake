# What Debian wants of each package's files before they are packed.
cmake_minimum_required(VERSION 3.25)
function(compress file)
    execute_process(COMMAND gzip -9nf ${file} COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# The date of what is packed: that of the last change, so that one tree gives one package.
execute_process(COMMAND git log -1 --format=%cD WORKING_DIRECTORY ${CPACK_MODAPI_SOURCE} OUTPUT_VARIABLE date
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT date)
    execute_process(COMMAND date -R OUTPUT_VARIABLE date OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
endif()

foreach(component libraries development homeserver python)
    set(root ${CPACK_TEMPORARY_DIRECTORY}/${component})
    string(TOUPPER ${component} upper)
    set(package ${CPACK_DEBIAN_${upper}_PACKAGE_NAME})
    set(documents ${root}/usr/share/doc/${package})

    configure_file(${CMAKE_CURRENT_LIST_DIR}/copyright ${documents}/copyright COPYONLY)
    file(WRITE ${documents}/changelog.Debian
        "${package} (${CPACK_PACKAGE_VERSION}-${CPACK_DEBIAN_PACKAGE_RELEASE}) bookworm; urgency=medium\n\n"
        "  * Packed from the tree of this version; changelog.gz says what is new.\n\n"
        " -- ${CPACK_DEBIAN_PACKAGE_MAINTAINER}  ${date}\n")
    configure_file(${CPACK_MODAPI_SOURCE}/.github/CHANGELOG.md ${documents}/changelog COPYONLY)
    compress(${documents}/changelog.Debian)
    compress(${documents}/changelog)
    file(GLOB pages ${root}/usr/share/man/man*/*[0-9])
    foreach(page IN LISTS pages)
        compress(${page})
    endforeach()

    # They lie where the loader looks, or say nothing that it would need to know.
    file(GLOB_RECURSE binaries LIST_DIRECTORIES false ${root}/usr/bin/* ${root}/usr/lib/*.so*)
    foreach(binary IN LISTS binaries)
        if(NOT IS_SYMLINK ${binary})
            file(RPATH_REMOVE FILE ${binary})
        endif()
    endforeach()
    if(EXISTS ${root}/etc/modapi)
        # Whoever can read it knows its secrets; postinst gives it to the server's group.
        file(CHMOD ${root}/etc/modapi/homeserver.yaml PERMISSIONS OWNER_READ OWNER_WRITE GROUP_READ)
    endif()
endforeach()
