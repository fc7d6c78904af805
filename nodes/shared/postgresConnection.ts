import type { IExecuteFunctions, ILoadOptionsFunctions, SSHCredentials, SSHTunnelFunctions } from 'n8n-workflow';

import { BackupError, messageOf, type PostgresConnection } from '../../engine';

import { armoredBlocks } from './armor';
import { type Fields, numberIn } from './fields';
import { eventOf } from './journal';
import { SshTunnelStream } from './sshTunnelStream';

export const POSTGRES_CREDENTIAL = 'postgres';

/** n8n's own `postgres` credential, as far as it is used here. */
interface PostgresCredential {
	host: string;
	port: number;
	database: string;
	user: string;
	password?: string;
	ssl?: 'disable' | 'allow' | 'require' | 'verify' | 'verify-full';
	allowUnauthorizedCerts?: boolean;
	sshTunnel?: boolean;
	sshHost?: string;
	sshPort?: number;
	sshAuthenticateWith?: 'password' | 'privateKey';
	privateKey?: string;
}

/** n8n closes an SSH client that nobody has asked for in five minutes; a backup may take hours. */
const KEEP_TUNNEL_MS = 60_000;

/**
 * TLS as n8n's Postgres node does it, so that a credential that works there works here: every mode but `disable` asks for
 * TLS with a certificate that is checked, unless certificates need not be valid.
 */
function tlsOptions({ ssl, allowUnauthorizedCerts }: PostgresCredential): PostgresConnection['ssl'] {
	if (allowUnauthorizedCerts) return { rejectUnauthorized: false };
	return ssl !== undefined && ssl !== 'disable';
}

function sshCredentials(credential: PostgresCredential): SSHCredentials {
	const [privateKey = credential.privateKey] = armoredBlocks(credential.privateKey ?? '');
	return { ...credential, privateKey } as unknown as SSHCredentials;
}

async function openTunnel(helpers: SSHTunnelFunctions, credential: PostgresCredential) {
	const client = await helpers.getSSHClient(sshCredentials(credential)).catch((cause: unknown) => {
		const where = `${credential.sshHost}:${credential.sshPort}`;
		throw new BackupError('SOURCE_UNREACHABLE', `Could not open the SSH tunnel through ${where}: ${messageOf(cause)}`, {
			cause,
			hint: 'Check the SSH settings in the Postgres credential, and that n8n can reach the SSH server.',
		});
	});
	const keeping = setInterval(() => helpers.updateLastUsed(client), KEEP_TUNNEL_MS);
	return { openStream: () => new SshTunnelStream(client), release: () => clearInterval(keeping) };
}

/** The Connection Timeout option, in milliseconds. @throws BackupError INVALID_INPUT */
export function connectTimeoutIn(options: Fields): number {
	return 1000 * numberIn(options, 'connectTimeout', 30, 'Connection Timeout (Seconds)', { min: 1, max: 86_400 });
}

/**
 * Runs `use` with the server that n8n's Postgres credential describes. Nothing is connected yet, except the SSH tunnel
 * where there is one; n8n owns that and closes it once nobody needs it.
 * @throws BackupError SOURCE_UNREACHABLE where the tunnel cannot be opened
 */
export async function withPostgres<T>(
	context: IExecuteFunctions | ILoadOptionsFunctions,
	itemIndex: number,
	options: { connectTimeout?: number },
	use: (connection: PostgresConnection) => Promise<T>,
): Promise<T> {
	const credential = (await context.getCredentials(POSTGRES_CREDENTIAL, itemIndex)) as unknown as PostgresCredential;
	const { host, port, database, user, password } = credential;
	eventOf(context, itemIndex).tell({ server: `${host}:${port}` });
	const tunnel = credential.sshTunnel ? await openTunnel(context.helpers, credential) : undefined;
	try {
		return await use({
			host,
			port: Number(port),
			database,
			user,
			password,
			ssl: tlsOptions(credential),
			openStream: tunnel?.openStream,
			connectTimeout: options.connectTimeout,
		});
	} finally {
		tunnel?.release();
	}
}
