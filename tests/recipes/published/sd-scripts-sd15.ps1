$env:PYTHONIOENCODING = "utf-8"
$OutputEncoding = [System.Text.UTF8Encoding]::new()

$SD_PYTHON   = "D:\training\envs\sd\python.exe"
$SD_SCRIPTS  = "E:\sd-scripts"
$BASE_MODEL  = "E:\stable-diffusion-webui\models\Stable-diffusion\AOM3A1B_orangemixs.safetensors"
$OUT_DIR     = "F:\training\output"
$LOG_DIR     = "F:\training\logs"
$DATA_DIR    = "F:\training\my_lora\img\20_my_style"
$DATASET_CFG = "F:\training\dataset_config.toml"
$OUTPUT_NAME = "my_lora_v2_aom3"

$img_count = (Get-ChildItem $DATA_DIR -Filter "*.png").Count
Write-Host "Images: $img_count"
if ($img_count -eq 0) { Write-Error "No images"; exit 1 }

$timestamp = Get-Date -Format "yyyyMMdd_HHmmss"
$log_file  = "$LOG_DIR\train_$timestamp.log"

& $SD_PYTHON "$SD_SCRIPTS\train_network.py" `
  --pretrained_model_name_or_path="$BASE_MODEL" `
  --dataset_config="$DATASET_CFG" `
  --output_dir="$OUT_DIR" `
  --output_name="$OUTPUT_NAME" `
  --logging_dir="$LOG_DIR" `
  --log_prefix="my_" `
  --network_module="networks.lora" `
  --network_dim=32 `
  --network_alpha=16 `
  --learning_rate=1e-4 `
  --text_encoder_lr=5e-5 `
  --lr_scheduler="cosine_with_restarts" `
  --lr_warmup_steps=50 `
  --max_train_epochs=30 `
  --train_batch_size=2 `
  --save_every_n_epochs=5 `
  --mixed_precision="fp16" `
  --save_precision="fp16" `
  --gradient_checkpointing `
  --cache_latents `
  --cache_latents_to_disk `
  --clip_skip=1 `
  --seed=42 `
  --enable_bucket `
  --min_bucket_reso=256 `
  --max_bucket_reso=1024 2>&1 | Tee-Object -FilePath $log_file

if ($LASTEXITCODE -ne 0) {
    Write-Error "Training failed: $log_file"
    exit 1
}
