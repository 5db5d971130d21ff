output "tokens_secret" {
  description = "Secret whose versions are the users' tokens."
  value       = module.contactrelay.tokens_secret
}

output "repository" {
  description = "Where to push the image."
  value       = module.contactrelay.repository
}

output "topic" {
  description = "Topic to publish changes to."
  value       = module.contactrelay.topic
}

output "operator_environment" {
  description = "What an operator exports before using contactrelay deadletter, publish or check."
  value       = module.contactrelay.operator_environment
}

output "operator_commands" {
  description = "Where to begin when there are dead letters."
  value       = module.contactrelay.operator_commands
}
