Console.Error.WriteLine("Usage: crisp serve");
return 64;
