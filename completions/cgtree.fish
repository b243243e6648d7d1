# fish completion for cgtree: everything is asked of the program ("cgtree help --words [VERB]").

function __cgtree_verb
    for word in (commandline -opc)[2..-1]
        string match -q -- '-*' $word; and continue
        echo $word
        return
    end
end

function __cgtree_words
    set -l verb (__cgtree_verb)
    set -l previous (commandline -opc)[-1]
    set -l tab (printf '\t')
    set -l arguments FILE
    set -l lines (cgtree help --words $verb 2>/dev/null)
    for line in $lines
        set -l part (string split $tab -- $line)
        if test "$part[1]" = arguments
            set arguments $part[2]
        else if test "$part[1]" = option; and test x"$part[2]" = x"$previous"; and test x"$part[3]" != x-
            __cgtree_value $part[3]
            return
        end
    end
    for line in $lines
        set -l part (string split $tab -- $line)
        switch $part[1]
            case verb option letter
                printf '%s\t%s\n' $part[2] $part[4]
            case word
                echo $part[2]
        end
    end
    test -n "$verb"; and __cgtree_value $arguments
end

function __cgtree_value
    switch $argv[1]
        case FILE DIRECTORY
            __fish_complete_path (commandline -ct)
        case GROUP
            for point in (string match -rg '^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2? ' </proc/self/mountinfo)
                for path in $point(string replace -r '[^/]*$' '' -- (commandline -ct))*/
                    string replace -- $point '' (string trim -r -c / -- $path)
                end
            end | sort -u
        case VALUE -
        case '*'
            string split ' ' -- $argv[1]
    end
end

complete -c cgtree -f -a '(__cgtree_words)'
