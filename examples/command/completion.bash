# Completes modapi's commands, the names of callbacks and files.
_modapi() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command=${COMP_WORDS[1]} options
    if [ "$COMP_CWORD" -eq 1 ]; then
        mapfile -t COMPREPLY < <(compgen -W "new check run call --help --version" -- "$current")
        return
    fi
    case $command in
        new) options="--python --into --help" ;;
        check) options="--config --help" ;;
        run) options="--config --port --help" ;;
        call) options="--event --state --config --help" ;;
    esac
    case $previous in
        --config) mapfile -t COMPREPLY < <(compgen -f -X '!*.y*ml' -- "$current"; compgen -d -- "$current"); return ;;
        --event | --state) mapfile -t COMPREPLY < <(compgen -f -X '!*.json' -- "$current"; compgen -d -- "$current"); return ;;
        --into) mapfile -t COMPREPLY < <(compgen -d -- "$current"); return ;;
    esac
    if [[ $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [ "$command" = call ] && [ "$COMP_CWORD" -eq 2 ]; then
        mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" callbacks 2>/dev/null)" -- "$current")
    elif [ "$command" != new ]; then
        mapfile -t COMPREPLY < <(compgen -f -X '!*.so' -- "$current"; compgen -d -- "$current")
    fi
}
complete -o filenames -F _modapi modapi
