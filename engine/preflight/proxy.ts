import { finder, type SetupFinding } from './finding';

const VARIABLES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What proxies that n8n was told of mean for a server.
 * @param url `https://s3.example.com`
 * @param isDirect whether it is reached past any proxy, as S3 servers are
 */
export function proxyFindings(url: string, isDirect: boolean, env: Environment = process.env): SetupFinding[] {
	const { protocol, host, hostname, port } = new URL(url);
	const name = VARIABLES.find((one) => env[one] && appliesTo(one, protocol));
	if (name === undefined || isExcluded(hostname, port, env)) return [];
	const { ok, warning } = finder('Proxy', host, 'backup');
	if (isDirect) {
		return [ok(`${name} is set; requests to S3 go to the server directly all the same.`)];
	}
	if (isPublic(hostname)) return [ok(`Requests go through the proxy of ${name}.`)];
	return [
		warning(
			`${name} is set, and would catch the requests to ${hostname}, which looks like a host of your own network.`,
			`Add it to NO_PROXY in n8n’s environment, and restart n8n: NO_PROXY=${[...entriesOf(env), hostname].join(',')}`,
		),
	];
}

function appliesTo(variable: string, protocol: string): boolean {
	return /^all/i.test(variable) || variable.toLowerCase().startsWith(protocol === 'https:' ? 'https' : 'http_');
}

function entriesOf(env: Environment): string[] {
	return (env['NO_PROXY'] ?? env['no_proxy'] ?? '').split(/[\s,]+/).filter((entry) => entry !== '');
}

/** As proxy-from-env reads the variable, which n8n uses. */
function isExcluded(hostname: string, port: string, env: Environment): boolean {
	return entriesOf(env).some((entry) => {
		if (entry === '*') return true;
		const [, wanted = '', at] = /^(.+?)(?::(\d+))?$/.exec(entry) ?? [];
		if (at !== undefined && at !== port) return false;
		if (!/^[.*]/.test(wanted)) return hostname === wanted;
		return hostname.endsWith(wanted.replace(/^\*/, ''));
	});
}

/** A name without a dot is one of a container or of a local network, and so are these addresses. */
function isPublic(hostname: string): boolean {
	if (/^(?:10|127)\.|^192\.168\.|^172\.(?:1[6-9]|2\d|3[01])\.|^\[/.test(hostname)) return false;
	return hostname.includes('.') && !/\.(?:local|internal|lan|svc)$|\.cluster\.local$/.test(hostname);
}
