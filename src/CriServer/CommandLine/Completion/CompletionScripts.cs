namespace Crisp.CriServer.CommandLine.Completion;

/// <summary>
/// What shells run to complete a line. They ask the program itself with System.CommandLine's directive
/// <c>crisp [suggest:POSITION] LINE</c>, so that no list of options can be out of date; files are the fallback.
/// </summary>
internal static class CompletionScripts
{
    // The name of the program may be a path. Bash has cut the line at ":" and "=" already and wants the rest of the word alone.
    // Options are shown to those who have typed a dash.
    public const string Bash = """
        # crisp completion bash: source it, for example source <(crisp completion bash)
        _crisp() {
        	local line=crisp${COMP_LINE:${#COMP_WORDS[0]}:COMP_POINT-${#COMP_WORDS[0]}}
        	local word=${line##*[[:space:]]} reply
        	local before=${word%"${COMP_WORDS[COMP_CWORD]}"}
        	COMPREPLY=()
        	while IFS= read -r reply; do
        		[[ $reply == "$word"* ]] || continue
        		[[ $reply == [-/]* && $word != -* ]] || COMPREPLY+=("${reply#"$before"}")
        	done < <("${COMP_WORDS[0]}" "[suggest:${#line}]" "$line" 2> /dev/null)
        }
        complete -o bashdefault -o default -F _crisp crisp

        """;

    public const string Zsh = """
        #compdef crisp
        # crisp completion zsh: source it behind compinit, or save it as _crisp in a directory of $fpath
        _crisp() {
        	local line="crisp ${(j: :)words[2,CURRENT]}"
        	local -a replies
        	replies=(${(f)"$(${words[1]} "[suggest:${#line}]" "$line" 2> /dev/null)"})
        	[[ ${words[CURRENT]} == -* ]] || replies=(${replies:#[-\/]*})
        	compadd -- $replies || _files
        }
        compdef _crisp crisp

        """;

    public const string Fish = """
        # crisp completion fish: save it as ~/.config/fish/completions/crisp.fish
        function __crisp_complete
        	set -l line (string replace -r '^\S+' crisp -- (commandline -cp))
        	set -l replies (crisp "[suggest:"(string length -- $line)"]" $line 2> /dev/null)
        	if string match -q -- '-*' (commandline -ct)
        		printf '%s\n' $replies
        	else
        		string match -v -r -- '^[-/]' $replies
        	end
        end
        complete -c crisp -a '(__crisp_complete)'

        """;
}
