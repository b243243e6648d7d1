# Turns a description (see mktree.c) into a configuration for cgconfigparser; -v controller=NAME.
function finish() {
	if (open)
		print "\t}\n}"
	open = 0
}
$1 == "G" {
	finish()
	name[$2] = $3
	path = name[0]
	for (i = 1; i <= $2; i++)
		path = path "/" name[i]
	print "group " path " {\n\t" controller " {"
	open = 1
}
$1 == "S" { print "\t\t" $2 " = " $3 ";" }
END { finish() }
