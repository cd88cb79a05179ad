package dovecot

import (
	"slices"
	"strings"
)

// needlessNames have no effect that people would miss: how Dovecot logs, caches, forks and
// locks is its own affair, and so is what is read elsewhere here (the places are named).
var needlessNames = setOf(`
	dovecot_config_version dovecot_storage_version base_dir state_dir instance_name config_cache_size
	log_path info_log_path debug_log_path log_timestamp log_debug log_core_filter mail_debug mail_log_prefix syslog_facility
	login_log_format login_log_format_elements verbose_ssl verbose_proctitle deliver_log_format lmtp_verbose_replies
	default_process_limit default_client_limit default_idle_kill default_idle_kill_interval default_vsz_limit default_login_user default_internal_user default_internal_group
	restrict_get_process_size shutdown_clients import_environment libexec_dir rawlog_dir version_ignore listen_backlog
	mail_privileged_group mail_chroot valid_chroot_dirs mail_full_filesystem_access mail_max_keyword_length mail_max_lock_timeout
	mail_temp_dir mail_temp_scan_interval mail_server_admin mail_server_comment mail_prefetch_count mail_save_crlf mail_attachment_detection_options
	mail_cache_fields mail_always_cache_fields mail_never_cache_fields mail_cache_min_mail_count mail_cache_unaccessed_field_drop mail_vsize_bg_after_count
	mail_sort_max_read_count mailbox_idle_check_interval mailbox_list_index mailbox_list_index_include_inbox mailbox_list_index_very_dirty_syncs
	mail_index_log2_max_age mail_index_log_rotate_max_size mail_index_log_rotate_min_age mail_index_log_rotate_min_size mail_index_rewrite_max_log_bytes mail_index_rewrite_min_log_bytes
	maildir_stat_dirs maildir_very_dirty_syncs maildir_copy_with_hardlinks maildir_broken_filename_sizes maildir_empty_new
	mail_fsync mmap_disable dotlock_use_excl lock_method mail_nfs_storage mail_nfs_index mail_location_hash mail_plugin_dir
	auth_cache_size auth_cache_ttl auth_cache_negative_ttl auth_cache_verify_password_with_worker auth_debug auth_debug_passwords auth_verbose auth_verbose_passwords
	auth_failure_delay auth_internal_failure_delay auth_worker_max_count auth_worker_max_request_count auth_socket_path auth_realms auth_gssapi_hostname auth_username_chars
	auth_username_translation auth_use_winbind auth_winbind_helper_path auth_stats auth_proxy_self auth_policy_hash_nonce
	ssl_dh ssl_server_dh_file ssl_cipher_list ssl_cipher_suites ssl_curve_list ssl_options ssl_prefer_server_ciphers ssl_server_prefer_ciphers ssl_parameters_regenerate ssl_crypto_device ssl_cert_username_field ssl_server_cert_username_field
	ssl_client_ca_dir ssl_client_ca_file ssl_client_cert ssl_client_key ssl_client_require_valid_cert ssl_require_crl ssl_server_require_crl
	ssl_ca ssl_server_ca_file auth_ssl_username_from_cert auth_ssl_require_client_cert
	hostname postmaster_address rejection_subject rejection_reason sendmail_path submission_host submission_timeout submission_ssl lda_original_recipient_header
	lmtp_add_received_header lmtp_client_workarounds lmtp_hdr_delivery_address lmtp_rcpt_check_quota lmtp_user_concurrency_limit
	mail_max_userip_connections imap_max_line_length imap_idle_notify_interval imap_logout_format imap_id_send imap_id_log imap_id_received imap_hibernate_timeout imap_literal_minus imap_fetch_failure imap_metadata imap_urlauth_host
	pop3_fast_size_lookups pop3_save_uidl pop3_logout_format pop3_delete_type
	doveadm_password doveadm_port doveadm_socket_path doveadm_api_key doveadm_worker_count dsync_remote_cmd replication_dsync_parameters
	stats_writer_socket_path metric stats_http_rawlog_dir ssh_command
	mail_driver mail_path mail_inbox_path mail_index_path mail_control_path mail_alt_path mailbox_list_layout mailbox_list_utf8 mail_index_private_path mail_volatile_path mail_cache_path
	haproxy_trusted_networks haproxy_timeout
	dict_db_config process_shutdown_filter ssl_alt_key imap_id_retain imap_urlauth_logout_format imap_urlauth_port mail_shared_explicit_inbox
	mail_attachment_fs mail_attachment_hash mail_attachment_min_size
`)

// needlessFamilies are those of which the same can be said, or which count for nothing
// without one that has a rule.
var needlessFamilies = []string{
	"mdbox_", "mbox_", "imapc_", "pop3c_", "director_", "event_exporter_", "fs_", "auth_policy_", "doveadm_", "dsync_", "login_plugin", "login_proxy_", "login_access_sockets",
	"old_stats_", "replication_", "replicator_", "submission_", "lmtp_rawlog", "lmtp_proxy_rawlog",
}

// needless reports whether a setting has no effect that people would miss.
func needless(name string) bool {
	return needlessNames[name] || rules[name] == nil && slices.ContainsFunc(needlessFamilies, func(f string) bool { return strings.HasPrefix(name, f) })
}

func setOf(text string) map[string]bool {
	set := make(map[string]bool)
	for _, w := range strings.Fields(text) {
		set[w] = true
	}
	return set
}
