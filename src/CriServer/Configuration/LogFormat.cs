namespace Crisp.CriServer.Configuration;

/// <summary>The form of log lines.</summary>
public enum LogFormat
{
    /// <summary>One line for people.</summary>
    Text,

    /// <summary>One JSON object a line.</summary>
    Json,
}
