# The rules that tflint brings along; no plugin is downloaded.
plugin "terraform" {
  enabled = true
  preset  = "all"
}

# The module has a file for each concern, not one main.tf.
rule "terraform_standard_module_structure" {
  enabled = false
}
