/** Stores what the template workflows log in with; answers them by credential type, as a node's `credentials` names them. */
export async function createCredentials({ n8n, postgres, shop, qdrant, objects, mail, backups, offsite }) {
	const created = {};
	const add = async (name, type, data) => {
		created[type] = await n8n.createCredential(name, type, data);
	};
	await add('Shop database', 'postgres', {
		host: postgres.host,
		port: postgres.port,
		user: postgres.user,
		password: postgres.password,
		database: shop,
		ssl: 'disable',
		sshTunnel: false,
	});
	await add('Qdrant', 'qdrantApi', { qdrantUrl: qdrant.url, apiKey: qdrant.apiKey });
	const { endpoint, region, accessKeyId, secretAccessKey } = objects;
	await add('S3', 's3', { endpoint, region, accessKeyId, secretAccessKey, forcePathStyle: true });
	await add('Backup folder', 'backupStorageApi', { type: 'folder', folderPath: backups });
	await add('Off-site bucket', 'backupStorageSecondApi', offsite);
	await add('Backup passphrase', 'backupEncryptionApi', { passphrase: 'correct horse battery staple' });
	await add('This n8n', 'n8nApi', { baseUrl: `${n8n.url}/api/v1`, apiKey: n8n.connection.apiKey });
	const { host, port } = mail;
	await add('Mail', 'smtp', { host, port, secure: false, disableStartTls: true });
	return created;
}
