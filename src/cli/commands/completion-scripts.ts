/** What shells run to complete a command line, by the shell's name. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# rollcall completion bash > /etc/bash_completion.d/rollcall
_rollcall() {
  local line="\${COMP_LINE:0:COMP_POINT}" candidate typed before
  local -a words
  read -ra words <<< "$line"
  case "$line" in *[[:space:]]) words+=('') ;; esac
  typed="\${words[\${#words[@]}-1]}"
  # To bash a word begins after a colon or an equals sign: what stands before stays.
  before="\${typed%"\${typed##*[:=]}"}"
  COMPREPLY=()
  while IFS= read -r candidate; do
    COMPREPLY+=("\${candidate#"$before"}")
  done < <(rollcall completion --words -- "\${words[@]:1}" 2> /dev/null)
}
complete -o default -F _rollcall rollcall
`,
  zsh: `#compdef rollcall
# rollcall completion zsh > "\${fpath[1]}/_rollcall"
_rollcall() {
  local -a candidates
  candidates=("\${(@f)$(rollcall completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -a candidates
}
compdef _rollcall rollcall
`,
  fish: `# rollcall completion fish > ~/.config/fish/completions/rollcall.fish
complete -c rollcall -f -a '(rollcall completion --words -- (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'
`,
};
