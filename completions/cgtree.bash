# bash completion for cgtree: verbs, options and their values come from the program itself
# ("cgtree help --words [VERB]"), so they are always those of the installed version.

_cgtree_groups() {
	# Paths of groups, from the hierarchies that are mounted; one level deeper than what is typed.
	local typed=$1 point path
	while read -r _ _ _ _ point _; do
		[[ -d $point ]] || continue
		for path in "$point${typed%/*}"/*/; do
			[[ -d $path ]] || continue
			path=${path%/}
			printf '%s\n' "${path#"$point"}"
		done
	done < <(grep -E ' - cgroup2? ' /proc/self/mountinfo 2>/dev/null) | sort -u
}

_cgtree_values() {
	local kind=$1 cur=$2
	case $kind in
	FILE) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	DIRECTORY) compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	GROUP) mapfile -t COMPREPLY < <(compgen -W "$(_cgtree_groups "$cur")" -- "$cur") ;;
	VALUE | -) COMPREPLY=() ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$kind" -- "$cur") ;;
	esac
}

_cgtree() {
	local cur prev program verb='' i kind word rest arguments=FILE
	local -A takes=()
	local options=() verbs=() words=()
	local -i plain=0

	COMPREPLY=()
	cur=${COMP_WORDS[COMP_CWORD]}
	prev=${COMP_WORDS[COMP_CWORD - 1]}
	program=${COMP_WORDS[0]}
	for ((i = 1; i < COMP_CWORD; i++)); do
		[[ ${COMP_WORDS[i]} == -* ]] && continue
		[[ -n $verb ]] && plain+=1
		verb=${verb:-${COMP_WORDS[i]}}
	done
	while IFS=$'\t' read -r kind word rest _; do
		case $kind in
		verb) verbs+=("$word") ;;
		word) words+=("$word") ;;
		option) options+=("$word"); takes[$word]=$rest ;;
		letter) options+=("$word"); takes[$word]=${takes[$rest]} ;;
		arguments) arguments=$word ;;
		esac
	done < <("$program" help --words ${verb:+"$verb"} 2>/dev/null)
	if [[ $prev == -* && -n ${takes[$prev]-} && ${takes[$prev]} != - ]]; then
		_cgtree_values "${takes[$prev]}" "$cur"
	elif [[ $cur == -* ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${options[*]}" -- "$cur")
	elif [[ ${#verbs[@]} -gt 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${verbs[*]}" -- "$cur")
	elif [[ ${#words[@]} -gt 0 && $plain == 0 ]]; then
		mapfile -t COMPREPLY < <(compgen -W "${words[*]}" -- "$cur")
	else
		_cgtree_values "$arguments" "$cur"
	fi
}

complete -F _cgtree cgtree
