export { mcpHandler, mcpRoute, type ProtocolCall } from './endpoint.js';
export { hostGuard, type PublicPlace } from './host-guard.js';
export { createMcpServer, TOOLS } from './server.js';
export { type StdioSettings, serveMcpOverStdio } from './stdio.js';
