/** What shells run to complete a command line, by the shell's name. */
export const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# rollcall completion bash > /etc/bash_completion.d/rollcall
_rollcall() {
  local IFS=$'\\n'
  COMPREPLY=($(rollcall completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
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
